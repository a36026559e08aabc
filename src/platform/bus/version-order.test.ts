import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { testDatabase } from '../../../test/support/database.ts';
import { uuidv7 } from '../id.ts';
import { type Consumer, wants } from './consumer.ts';
import { headOf, type OutboxEntry, openedOf, readAll } from './outbox-reader.ts';
import { START } from './position.ts';
import { Precedence } from './precedence.ts';
import { VersionOrder } from './version-order.ts';

const RECORDS = ['a', 'b', 'c'];

function envelope(id: string, version: number) {
  return {
    event_id: uuidv7(),
    event_type: 'lot.held',
    schema_version: 1,
    occurred_at: new Date().toISOString(),
    trace_id: 'a'.repeat(32),
    source_service: 'test',
    site: 'S1',
    aggregate: { type: 'lot', id, version },
    payload: { lot_id: id, reason: 'r', by: 'b' },
  };
}
const nameOf = (entry: OutboxEntry): string => {
  const { aggregate } = JSON.parse(entry.text);
  return `${aggregate.id}.${aggregate.version}`;
};

test('in whatever order versions stand in the outbox, and wherever a page ends, each is told once and after its predecessors', async (t) => {
  const { db } = await testDatabase(t);
  // The first stands before all others, whatever order they are in.
  const versions = RECORDS.flatMap((id) => Array.from({ length: 6 }, (_, i) => ({ id, version: i + 2 })));
  await fc.assert(
    fc.asyncProperty(
      fc.shuffledSubarray(versions, { minLength: versions.length }),
      fc.integer({ min: 1, max: 7 }),
      fc.nat(versions.length),
      fc.constantFrom(0, 2, 100),
      async (order, page, restartAfter, remembered) => {
        await db.pool.query('delete from platform.outbox');
        for (const { id, version } of order) {
          const event = envelope(id, version);
          await db.pool.query(
            "insert into platform.outbox (topic, partition, key, event_id, occurred_at, event, record) values ('quality.signals', 0, 'k', $1, $2, $3, $4)",
            [event.event_id, event.occurred_at, JSON.stringify(event), id],
          );
        }
        let ordering = new VersionOrder(db, 2);
        // Who marks goes on when a reader begins anew: a group is moved, its process's tail stays.
        const precedence = new Precedence(remembered);
        let at = START;
        const told: string[] = [];
        let restarted = false;
        for (let met = 0; met < order.length; ) {
          const { entries } = await readAll(db, at, page);
          // Another test's open transaction on the same server can hide the rows for a moment.
          if (entries.length === 0) await sleep(10);
          met += entries.length;
          if (remembered > 0) precedence.mark(entries);
          for (const entry of await ordering.arrange(entries)) told.push(nameOf(entry));
          at = entries.at(-1)?.position ?? at;
          // A reader that has lost its memory goes on from where it stood.
          if (!restarted && restartAfter < versions.length && told.length >= restartAfter) {
            restarted = true;
            ordering = new VersionOrder(db, 2);
          }
        }
        assert.deepEqual(new Set(told), new Set(order.map(({ id, version }) => `${id}.${version}`)));
        const firsts = [...new Set(told)];
        for (const id of RECORDS) {
          const own = firsts.filter((name) => name.startsWith(`${id}.`)).map((name) => Number(name.split('.')[1]));
          assert.deepEqual(
            own,
            own.toSorted((one, other) => one - other),
            `${order.map(({ id: one, version }) => one + version)} in pages of ${page}`,
          );
        }
        if (restartAfter >= versions.length) assert.equal(told.length, versions.length, 'each once');
      },
    ),
    { numRuns: 30 },
  );
});

test('records that were just created, and versions that follow each other, ask the database nothing', async () => {
  const db = { pool: { connect: () => Promise.reject(new Error('asked')) } } as never;
  const ordering = new VersionOrder(db, 100);
  const entry = (id: string, version: number): OutboxEntry => {
    const event = envelope(id, version);
    const text = JSON.stringify(event);
    return { position: START, topic: 'quality.signals', partition: 0, key: 'k', eventId: event.event_id, text };
  };
  const page = [entry('a', 1), entry('b', 1), entry('a', 2), entry('a', 3), entry('b', 2)];
  assert.deepEqual(await ordering.arrange(page), page);
  const precedence = new Precedence(2);
  precedence.mark([entry('d', 1), entry('d', 2)]);
  const third = entry('d', 3);
  precedence.mark([third]);
  assert.deepEqual(await ordering.arrange([third]), [third]);
  await assert.rejects(ordering.arrange([entry('c', 3)]), /asked/);
});

test('a page is arranged within a second however many events of the same lane wait behind it', async (t) => {
  const database = await testDatabase(t);
  await database.open({ statementTimeoutMs: 60_000 }).pool.query(
    `insert into platform.outbox (topic, partition, key, event_id, occurred_at, event, record)
     select 'quality.signals', 0, 'k', gen_random_uuid(), now(), json_build_object('event_id', gen_random_uuid(), 'event_type', 'lot.held', 'schema_version', 1,
       'occurred_at', now(), 'trace_id', repeat('a', 32), 'source_service', 't', 'site', 's', 'aggregate',
       json_build_object('type', 'lot', 'id', 'L' || n, 'version', 3), 'payload', json_build_object('n', n)), 'L' || n
     from generate_series(1, 40000) as n`,
  );
  const db = database.open({ statementTimeoutMs: 5000 });
  let { entries } = await readAll(db, START, 500);
  while (entries.length < 500) {
    await sleep(10);
    entries = (await readAll(db, START, 500)).entries;
  }
  assert.equal((await new VersionOrder(db, 100).arrange(entries)).length, 500);
});

test('an entry is said to follow only when all lower versions were seen before it, and no record is remembered for ever', () => {
  const entry = (id: string, version: number): OutboxEntry => {
    const event = envelope(id, version);
    return { position: START, topic: 'quality.signals', partition: 0, key: 'k', eventId: event.event_id, text: JSON.stringify(event) };
  };
  const followers = (remembered: number, ...names: string[]) => {
    const entries = names.map((name) => entry(name.charAt(0), Number(name.slice(1))));
    new Precedence(remembered).mark(entries);
    return names.filter((_, index) => entries[index]?.follows === true);
  };
  assert.deepEqual(followers(9, 'a1', 'a2', 'b3', 'a3', 'b4'), ['a1', 'a2', 'a3']);
  assert.deepEqual(followers(9, 'a1', 'a3', 'a2', 'a4', 'a5'), ['a1', 'a2'], 'what came too early, and what comes after it, is looked up');
  assert.deepEqual(followers(9, 'a1', 'a2', 'a1', 'a3'), ['a1', 'a2', 'a1', 'a3'], 'told again it is no new gap');
  assert.deepEqual(followers(1, 'a2', 'b2', 'a3', 'b3'), ['a2', 'b2', 'b3']);
});

test('an entry that was opened before anybody asks for its head has one, and one without an event has none', () => {
  const event = envelope('a', 2);
  const entry = (text: string): OutboxEntry => ({
    position: START,
    topic: 'quality.signals',
    partition: 0,
    key: 'k',
    eventId: event.event_id,
    text,
  });
  const read = entry(JSON.stringify(event));
  openedOf(read);
  assert.deepEqual(headOf(read)?.aggregate, event.aggregate);
  assert.deepEqual(headOf(entry(JSON.stringify(event)))?.aggregate, event.aggregate);
  const consumer = { group: 'g', topics: ['quality.signals'], types: ['lot.released'] } as unknown as Consumer;
  assert.equal(wants(consumer, read), false, 'what comes from a broker is opened first');
  assert.equal(headOf(entry('{"event_id":1}')), undefined);
});

test('who remembers records does not keep the texts of their events', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const precedence = new Precedence(2_000);
  const texts = () =>
    Array.from({ length: 2_000 }, (_, n): OutboxEntry => {
      const event = { ...envelope(uuidv7(), 2), payload: { lot_id: 'l', reason: 'x'.repeat(20_000), n } };
      const text = Buffer.from(JSON.stringify(event)).toString();
      return { position: START, topic: 'quality.signals', partition: 0, key: 'k', eventId: event.event_id, text };
    });
  collect();
  const before = process.memoryUsage().heapUsed;
  (() => precedence.mark(texts()))();
  await sleep(10);
  collect();
  const kept = process.memoryUsage().heapUsed - before;
  assert.ok(kept < 4_000_000, `${kept} bytes are kept of 40 MB`);
});
