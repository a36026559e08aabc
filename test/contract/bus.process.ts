// An instance of the bus in a process of its own, to be killed: serves the group `g` until then.
import { recorder } from './bus.floor.ts';
import { openInstance, openPool } from './bus.makers.ts';

const { BUS_URL = '', BUS_BROKERS = '', BUS_PREFIX = '' } = process.env;
const { bus, door } = openInstance(openPool(BUS_URL), { brokers: BUS_BROKERS, prefix: BUS_PREFIX });
bus.subscribe(recorder(door, 'g'));
await bus.start();
console.log('started');
