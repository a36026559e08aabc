import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type TestDatabase, testDatabase } from '../../../test/support/database.ts';
import { uuidv7 } from '../id.ts';
import { type AuditDraft, type Cause, type EventDraft, JsonOnce, openDoor, type Recording, Replayed, SequenceTaken } from './door.ts';

const event = (lot: string): EventDraft => ({
  type: 'lot.held',
  site: 'S1',
  key: `S1/${lot}`,
  aggregate: { type: 'lot', id: lot, version: 1 },
  payload: { lot_id: lot, reason: 'test', by: 'test' },
});
const audit = (lot: string): AuditDraft => ({ action: 'lot.held', site: 'S1', object: { type: 'lot', id: lot }, old: null, new: { lot } });
const COLUMNS = { lot: 'text', n: 'int', note: 'jsonb' } as const;

/** A recording of one or more numbered rows, as a station's requests would bring them; `note` null breaks the table's rule. */
interface Asked {
  lot: string;
  numbers: number[];
  bad: boolean;
  key: number | null;
  oldKey: boolean;
}
const asked: fc.Arbitrary<Asked> = fc.record({
  lot: fc.constantFrom('A', 'B', 'C'),
  numbers: fc
    .uniqueArray(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 3 })
    .map((all) => all.sort((one, other) => one - other)),
  bad: fc.boolean(),
  key: fc.option(fc.integer({ min: 0, max: 3 })),
  oldKey: fc.boolean(),
});

async function withRows(t: { after(fn: () => Promise<void>): void }): Promise<TestDatabase> {
  const database = await testDatabase(t);
  await database.db.pool.query(
    `create schema shop; create table shop.row (lot text, n int, note jsonb not null, primary key (lot, n));
     create table shop.lot (lot text primary key);
     create function shop.open(items jsonb) returns void language sql as $$
       insert into shop.lot select distinct jsonb_array_elements_text(items) on conflict do nothing $$`,
  );
  return database;
}

const fresh = ['a', 'b', 'c', 'd'].map(() => uuidv7());

function causeOf({ key, oldKey, lot, numbers }: Asked): Cause {
  const cause: Cause = { actor: { subject: 'c-1', name: 'station', kind: 'client' }, requestId: null, traceId: 'b'.repeat(32) };
  if (key === null) return cause;
  return { ...cause, idempotency: { caller: 'c-1', key: oldKey ? `old-${key}` : (fresh[key] ?? ''), requestHash: `${lot}${numbers}` } };
}

function recordingOf({ lot, numbers, bad }: Asked): Recording {
  return {
    rows: [
      {
        into: 'shop.row',
        columns: COLUMNS,
        values: numbers.map((n) => new JsonOnce({ lot, n, note: bad ? null : { text: `,} "${lot}" \\ ü` } })),
        sequence: { column: 'n', within: ['lot'] },
      },
    ],
    calls: [{ fn: 'shop.open', items: [lot] }],
    events: [event(lot)],
    audit: [audit(lot)],
    answer: { status: 201, location: `/rows/${lot}`, body: { lot, numbers } },
  };
}

const told = (outcome: PromiseSettledResult<void>): string => {
  if (outcome.status === 'fulfilled') return 'written';
  const { reason } = outcome;
  if (reason instanceof Replayed) return `replayed ${reason.answer.status} ${reason.answer.location} ${reason.bodyText}`;
  if (reason instanceof SequenceTaken) return `taken ${JSON.stringify([...reason.last.keys()])}`;
  return String((reason as { code?: string }).code);
};

async function stateOf({ db }: TestDatabase): Promise<unknown> {
  const { rows } = await db.pool.query(
    `select (select json_agg(r order by lot, n) from shop.row r) as rows, (select json_agg(lot order by lot) from shop.lot) as lots,
       (select json_agg(event -> 'aggregate' ->> 'id' order by event -> 'aggregate' ->> 'id') from platform.outbox) as events,
       (select json_agg(object_id order by object_id) from platform.audit) as audit,
       (select json_agg(json_build_array(key, request_hash, status, location, body) order by key) from platform.idempotency) as keys`,
  );
  return rows[0];
}

test('what a group commits is what the same recordings commit one by one, told alike', async (t) => {
  const grouped = await withRows(t);
  const single = await withRows(t);
  const clear = 'truncate shop.row, shop.lot, platform.outbox, platform.idempotency';
  const forget = async (database: TestDatabase) => {
    await database.db.pool.query(clear);
    await database.db.pool.query(
      'alter table platform.audit disable trigger all; delete from platform.audit; alter table platform.audit enable trigger all',
    );
  };
  const outcomes = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(asked, { minLength: 1, maxLength: 12 }), async (all) => {
      // One key twice at the same moment is told 409 at once: a case of its own below.
      const seen = new Set<string>();
      const first = all.filter((one) => {
        const name = `${one.key} ${one.oldKey}`;
        return one.key === null || (!seen.has(name) && seen.add(name));
      });
      // Each in a lot of its own: who is first in a sequence would else depend on the order within the group. Some lots have rows already.
      const apart = first.map((one, index) => ({ ...one, lot: `${one.lot}${index}` }));
      for (const { lot } of apart.filter((one) => one.lot.startsWith('C')))
        for (const { db } of [grouped, single]) await db.pool.query("insert into shop.row values ($1, 3, '{}')", [lot]);
      const again = apart.filter(({ key }) => key !== null).map((one) => (one.bad ? { ...one, bad: false, numbers: [9] } : one));
      for (const round of [apart, again, again.map((one) => ({ ...one, numbers: [11] }))]) {
        const together = await Promise.allSettled(round.map((one) => grouped.door.record(causeOf(one), recordingOf(one))));
        const alone: PromiseSettledResult<void>[] = [];
        for (const one of round) alone.push(...(await Promise.allSettled([single.door.record(causeOf(one), recordingOf(one))])));
        assert.deepEqual(together.map(told), alone.map(told));
        for (const word of together.map(told)) outcomes.add(word.split(' ')[0] ?? '');
      }
      assert.deepEqual(await stateOf(grouped), await stateOf(single));
      await forget(grouped);
      await forget(single);
    }),
    { numRuns: 40 },
  );
  assert.deepEqual([...outcomes].sort(), ['23502', 'idempotency_mismatch', 'replayed', 'taken', 'written'], 'every outcome was met');
});

const row = (lot: string, n: number, note: unknown = {}): Recording => ({
  rows: [{ into: 'shop.row', columns: COLUMNS, values: [{ lot, n, note }] }],
  events: [event(lot)],
  audit: [],
});
const cause: Cause = { actor: { subject: 'c-1', name: 'station', kind: 'client' }, requestId: null, traceId: 'b'.repeat(32) };

test('those that come together share a commit; a bad one fails alone with its own error', async (t) => {
  const database = await withRows(t);
  let woken = 0;
  database.onCommit(() => {
    woken += 1;
  });
  await Promise.all(Array.from({ length: 40 }, (_, n) => database.door.record(cause, row('A', n))));
  const { rows } = await database.db.pool.query('select count(distinct xmin::text)::int as commits from shop.row');
  assert.ok(rows[0].commits <= 2, `${rows[0].commits} commits`);
  assert.equal(woken, rows[0].commits);
  const mixed = await Promise.allSettled([
    database.door.record(cause, row('B', 1)),
    database.door.record(cause, row('B', 2, null)),
    database.door.record(cause, row('A', 3)),
    database.door.record(cause, row('B', 3)),
  ]);
  assert.deepEqual(mixed.map(told), ['written', '23502', '23505', 'written']);
  const { rows: events } = await database.db.pool.query("select count(*)::int as n from platform.outbox where key = 'S1/B'");
  assert.equal(events[0].n, 2);
});

test('the line has an end: beyond it and after the longest wait a recording is told overloaded, the others are written', async (t) => {
  const database = await withRows(t);
  const door = openDoor({ db: database.db, source: 'test', limits: { inFlight: 1, members: 2, waiting: 5 } });
  const outcomes = await Promise.allSettled(Array.from({ length: 12 }, (_, n) => door.record(cause, row('A', n))));
  assert.equal(outcomes.filter((one) => told(one) === 'written').length, 5);
  assert.equal(outcomes.filter((one) => told(one) === 'overloaded').length, 7);
  const slow = openDoor({ db: database.db, source: 'test', limits: { inFlight: 1, waitMs: 50 } });
  const blocker = await database.db.pool.connect();
  await blocker.query("begin; insert into shop.row values ('B', 1, '{}')");
  const first = slow.record(cause, row('B', 1)).catch((error: { code: string }) => error.code);
  await new Promise((resolve) => setTimeout(resolve, 20));
  const second = slow.record(cause, row('C', 1)).catch((error: { code: string }) => error.code);
  await new Promise((resolve) => setTimeout(resolve, 120));
  await blocker.query('commit');
  blocker.release();
  assert.deepEqual(await Promise.all([first, second]), ['23505', 'overloaded']);
});

test('a statement that hangs on a lock holds up nobody for long; until then the others gather for the next commit', {
  timeout: 20_000,
}, async (t) => {
  const database = await withRows(t);
  // So long that those of ten milliseconds come within it on any machine.
  const door = openDoor({ db: database.db, source: 'test', limits: { patienceMs: 1000 } });
  const blocker = await database.db.pool.connect();
  await blocker.query("begin; insert into shop.row values ('B', 1, '{}')");
  const hung = door.record(cause, row('B', 1)).catch((error: { code: string }) => error.code);
  await new Promise((resolve) => setTimeout(resolve, 20));
  await Promise.all(
    Array.from({ length: 5 }, async (_, n) => {
      await new Promise((resolve) => setTimeout(resolve, 2 * n));
      await door.record(cause, row('C', n));
    }),
  );
  const commits = "select count(distinct xmin::text)::int as n from shop.row where lot = 'C'";
  assert.equal((await database.db.pool.query(commits)).rows[0].n, 1, 'those of ten milliseconds share a commit');
  await blocker.query('commit');
  blocker.release();
  assert.equal(await hung, '23505');
});

/** A UUIDv7 of so many hours from now. */
function keyOf(hours: number): string {
  const millis = (Date.now() + hours * 3_600_000).toString(16).padStart(12, '0');
  return `${millis.slice(0, 8)}-${millis.slice(8)}${uuidv7().slice(13)}`;
}

test('a key that two processes use at the same moment has one effect, whether it names its day or not', async (t) => {
  const database = await withRows(t);
  const other = openDoor({ db: database.open(), source: 'test' });
  for (const key of [uuidv7(), 'no uuid', keyOf(-30), keyOf(-5 * 24)]) {
    const keyed: Cause = { ...cause, idempotency: { caller: 'c', key, requestHash: 'h' } };
    const recording = () => ({
      ...row(key, 1),
      rows: [{ ...(row(key, 1).rows[0] as Recording['rows'][0]), values: [{ lot: uuidv7(), n: 1, note: { key } }] }],
    });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) =>
        (n % 2 ? other : database.door).record(keyed, { ...recording(), answer: { status: 201, body: { key } } }),
      ),
    );
    const words = outcomes.map(told);
    assert.equal(words.filter((word) => word === 'written').length, 1, key);
    for (const word of words) assert.ok(word === 'written' || word === 'idempotency_in_progress' || word.startsWith('replayed 201'), word);
    const { rows } = await database.db.pool.query("select count(*)::int as n from shop.row where note ->> 'key' = $1", [key]);
    assert.equal(rows[0].n, 1, key);
    assert.equal(
      told((await Promise.allSettled([other.record(keyed, { ...recording(), answer: { status: 201, body: { key } } })]))[0]),
      `replayed 201 undefined ${JSON.stringify({ key })}`,
    );
  }
  const ahead: Cause = { ...cause, idempotency: { caller: 'c', key: keyOf(48), requestHash: 'h' } };
  await assert.rejects(database.door.record(ahead, row('Z', 1)), { code: 'validation_error' });
});
