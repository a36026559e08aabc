import { DELIVERY_LIMITS } from '../../src/platform/bus/deliver.ts';
import { kafkaBus } from '../../src/platform/bus/kafka/kafka-bus.ts';
import { kafkaNames } from '../../src/platform/bus/kafka/names.ts';
import { postgresBus } from '../../src/platform/bus/postgres-bus.ts';
import { openTail } from '../../src/platform/bus/tail.ts';
import { type Database, openDatabase } from '../../src/platform/db/database.ts';
import { openDoor } from '../../src/platform/db/door.ts';
import type { BusInstance } from './bus.floor.ts';

/** Which bus, and where: in the words of the environment, so that a process of its own can be told. */
export interface BusPlace {
  /** Empty: the outbox in PostgreSQL. */
  brokers: string;
  prefix: string;
}

const limits = { ...DELIVERY_LIMITS, retryDelaysMs: [10, 10, 20, 20] };
const log = process.env.BUS_LOG ? { warn: console.error, info: console.error } : undefined;

/** Short leases and waits, so that the suite is quick. */
export function openInstance(db: Database, place: BusPlace, leaseMs = 1_200): BusInstance {
  const tail = openTail({ db });
  const door = openDoor({ db, source: 'test', wake: () => tail.wake() });
  const shared = { db, door, tail, leaseMs, limits, ...(log ? { log } : {}) };
  if (place.brokers === '') return { bus: postgresBus(shared), door };
  const names = kafkaNames(place.prefix, ['quality.signals']);
  const address = { brokers: place.brokers.split(','), clientId: 'test' };
  return { bus: kafkaBus({ ...shared, address, names, replication: 1 }), door };
}

export const openPool = (url: string): Database => openDatabase({ url, connectTimeoutMs: 15_000, poolSize: 12, overflow: 0 });
