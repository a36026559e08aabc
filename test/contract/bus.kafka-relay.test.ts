import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { kafkaBus } from '../../src/platform/bus/kafka/kafka-bus.ts';
import { kafkaNames } from '../../src/platform/bus/kafka/names.ts';
import { makeTopics } from '../../src/platform/bus/kafka/topics.ts';
import { openTail } from '../../src/platform/bus/tail.ts';
import { openDoor } from '../../src/platform/db/door.ts';
import { PARTITIONS, partitionOf } from '../../src/platform/db/envelope.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { openLink } from '../support/kafka-broker.ts';
import { dropTopics, readTopic } from '../support/kafka-topics.ts';
import { cause, held, publish, until as within } from './bus.floor.ts';

const brokers = process.env.TEST_KAFKA_BROKERS ?? '';
const skip = brokers === '' && 'TEST_KAFKA_BROKERS is not set';
type Context = { after(fn: () => Promise<void>): void };

const until = (what: string, check: () => boolean | Promise<boolean>) => within(what, check, 20_000);

/** A database and names of its own; buses on them as often as one likes. */
async function openPlace(t: Context) {
  const database: TestDatabase = await testDatabase(t);
  const names = kafkaNames(`t${randomBytes(4).toString('hex')}.`, ['quality.signals']);
  t.after(() => dropTopics(brokers, names.prefix));
  const open = (at = brokers) => {
    const { db } = database;
    const tail = openTail({ db });
    const door = openDoor({ db, source: 'test', wake: () => tail.wake() });
    const address = { brokers: [at], clientId: 'test' };
    const bus = kafkaBus({ db, door, tail, address, names, replication: 1, leaseMs: 15_000 });
    t.after(() => bus.stop());
    return { bus, door };
  };
  const messages = () => readTopic(brokers, names.topic('quality.signals'), PARTITIONS);
  return { ...database, names, open, messages };
}
const relayed = async (bus: { lag(): Promise<{ group: string; events: number }[]> }) =>
  (await bus.lag()).find(({ group }) => group === 'relay')?.events === 0;

test('an event goes out as it stands in the outbox, under its key and partition, with its trace', { skip }, async (t) => {
  const place = await openPlace(t);
  const { bus, door } = place.open();
  await bus.start();
  await publish(door, held('L', 1));
  await until('published', () => relayed(bus));
  const [message] = await place.messages();
  const { rows } = await place.db.pool.query('select event::text as text, event_id from platform.outbox');
  assert.equal(message?.value.toString(), rows[0].text);
  assert.match(message?.place ?? '', new RegExp(`^${partitionOf('S1/L')}/0$`));
  const { traceparent, ...headers } = message?.headers ?? {};
  assert.deepEqual(headers, {
    'content-type': 'application/json',
    event_id: rows[0].event_id,
    event_type: 'lot.held',
    schema_version: '1',
  });
  assert.match(traceparent ?? '', new RegExp(`^00-${cause.traceId}-(?!0{16})[0-9a-f]{16}-01$`));
});

test('an event that no broker would take is set aside for all to see, and the rest goes on', { skip }, async (t) => {
  const place = await openPlace(t);
  const { bus, door } = place.open();
  await bus.start();
  const large = { ...held('L', 2), payload: { lot_id: 'L', reason: 'x'.repeat(1_100_000), by: 'test' } };
  await publish(door, held('L', 1), large, held('L', 3));
  await until('published', () => relayed(bus));
  const [parked] = await bus.parked('relay');
  assert.match(parked?.cause ?? '', /larger than a batch may be/);
  assert.equal((await bus.lag()).find(({ group }) => group === 'relay')?.parked, 1);
  assert.equal((await place.messages()).length, 2);
  await bus.redrive(cause, 'relay', parked?.event_id ?? '');
  await until('parked again', async () => (await bus.parked('relay'))[0]?.state === 'parked');
});

test('the broker may be away at the start: changes go on, the lag and the trouble show, and all is made good', { skip }, async (t) => {
  const place = await openPlace(t);
  const [host, port] = brokers.split(':');
  const linked = `${host}:${Number(port) + 3}`;
  const link = await openLink(linked);
  t.after(() => link.close());
  link.cut();
  const { bus, door } = place.open(linked);
  const began = Date.now();
  await bus.start();
  assert.ok(Date.now() - began < 15_000, 'the start waits for no broker');
  for (let version = 1; version <= 5; version += 1) await publish(door, held('L', version));
  await until('the trouble shows', () => /relay/.test(bus.trouble() ?? ''));
  assert.equal((await bus.lag()).find(({ group }) => group === 'relay')?.events, 5);
  link.heal();
  await until('made good', () => relayed(bus));
  await until('no trouble', () => bus.trouble() === null);
  const versions = (await place.messages()).map(({ value }) => JSON.parse(value.toString()).aggregate.version);
  assert.deepEqual(versions, [1, 2, 3, 4, 5]);
});

test('a relay whose place was not saved repeats, and each first time is in order', { skip }, async (t) => {
  const place = await openPlace(t);
  await publish(place.door, held('L', 1), held('M', 1));
  const client = await place.db.pool.connect();
  await client.query('begin');
  await client.query('select pg_current_xact_id()');
  await publish(place.door, held('L', 2));
  // The third version moves before the second, as a transaction with a lower number would have put it there.
  const { rows } = await client.query('select pg_current_xact_id()::text as xid');
  await publish(place.door, held('L', 3));
  await client.query("update platform.outbox set xid = $1 where event -> 'aggregate' ->> 'version' = '3'", [rows[0].xid]);
  await client.query('commit');
  client.release();
  for (let round = 1; round <= 2; round += 1) {
    const { bus } = place.open();
    await bus.start();
    await until('published', () => relayed(bus));
    await bus.stop();
    await place.db.pool.query("update platform.bus_position set xid = '0', seq = 0 where consumer_group = 'relay'");
  }
  const told = (await place.messages())
    .map(({ value }) => JSON.parse(value.toString()).aggregate as { id: string; version: number })
    .filter(({ id }) => id === 'L')
    .map(({ version }) => version);
  assert.deepEqual(told, [1, 2, 3, 1, 2, 3]);
});

test('one relay at a time: of two processes one publishes, and each event stands once', { skip }, async (t) => {
  const place = await openPlace(t);
  const [a, b] = [place.open(), place.open()];
  await Promise.all([a.bus.start(), b.bus.start()]);
  await Promise.all(Array.from({ length: 50 }, (_, i) => publish(i % 2 ? a.door : b.door, held(`L${i}`, 1))));
  await until('published', () => relayed(a.bus));
  assert.equal((await place.messages()).length, 50);
  const { rows } = await place.db.pool.query("select distinct owner from platform.bus_position where consumer_group = 'relay'");
  assert.equal(rows.length, 1);
});

test('topics are made once; one with too few partitions is refused in words', { skip }, async (t) => {
  const { names } = await openPlace(t);
  const address = { brokers: [brokers], clientId: 'test' };
  assert.deepEqual(await makeTopics(address, names, 1), [names.topic('quality.signals'), names.deadLetters('quality.signals')]);
  assert.deepEqual(await makeTopics(address, names, 1), []);
  const narrow = kafkaNames(`${names.prefix}quality.signals.`, []);
  const { Admin, ConfigResourceTypes } = await import('@platformatic/kafka');
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [brokers] });
  const [{ configs } = { configs: [] }] = await admin.describeConfigs({
    resources: [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: names.topic('quality.signals') }],
  });
  const hours = (name: string) => Number(configs.find((one) => one.name === name)?.value) / 3_600_000;
  assert.ok(hours('retention.ms') + hours('segment.ms') < 8 * 24, 'no record outlives what the inbox knows of it');
  const unfit = kafkaNames(`${narrow.prefix}n.`, ['quality.signals']);
  await admin.createTopics({ topics: [unfit.topic('quality.signals')], partitions: 2, replicas: 1 });
  await admin.close();
  await assert.rejects(makeTopics(address, unfit, null), /has 2 partitions; 8 are needed/);
});
