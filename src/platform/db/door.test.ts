import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { type TestDatabase, testDatabase } from '../../../test/support/database.ts';
import { uuidv7 } from '../id.ts';
import { type AuditDraft, type Cause, type Decided, type EventDraft, Replayed, type Transaction } from './door.ts';

const cause: Cause = { actor: { subject: 'c-1', name: 'station', kind: 'client' }, requestId: 'r-1', traceId: 'b'.repeat(32) };
const event: EventDraft = {
  type: 'lot.held',
  site: 'S1',
  key: 'S1/L',
  aggregate: { type: 'lot', id: 'L', version: 1 },
  payload: { lot_id: 'L', reason: 'test', by: 'test' },
};
const audit: AuditDraft = { action: 'lot.held', site: 'S1', object: { type: 'lot', id: 'L' }, old: null, new: { state: 'held' } };
const keyed = (key: string, requestHash = 'h', caller = 'c-1'): Cause => ({ ...cause, idempotency: { caller, key, requestHash } });

interface Tables {
  thing: { id: string; n: number };
}
async function withThings(t: { after(fn: () => Promise<void>): void }): Promise<TestDatabase> {
  const database = await testDatabase(t);
  await database.db.pool.query(
    'create schema shop; create table shop.thing (id text primary key, n int, more jsonb); create view thing as select id, n from shop.thing',
  );
  return database;
}
async function counts({ db }: TestDatabase): Promise<{ things: number; outbox: number; audit: number; keys: number; inbox: number }> {
  const { rows } =
    await db.pool.query(`select (select count(*)::int from shop.thing) things, (select count(*)::int from platform.outbox) outbox,
    (select count(*)::int from platform.audit) audit, (select count(*)::int from platform.idempotency) keys, (select count(*)::int from platform.inbox) inbox`);
  return rows[0];
}

const making =
  (id: string): Parameters<TestDatabase['door']['change']>[1] =>
  async (tx) => {
    await (tx as unknown as import('kysely').Transaction<Tables>).insertInto('thing').values({ id, n: 1 }).execute();
    return { result: id, events: [event], audit: [audit], answer: { status: 201, location: `/things/${id}`, body: { id, text: 'ü "x"' } } };
  };

test('a change writes rows, event, audit entry and key together', async (t) => {
  const database = await withThings(t);
  assert.equal(await database.door.change(keyed('k'), making('a')), 'a');
  assert.deepEqual(await counts(database), { things: 1, outbox: 1, audit: 1, keys: 1, inbox: 0 });
  const { rows } = await database.db.pool.query('select o.*, o.event::text as text, a.* from platform.outbox o, platform.audit a');
  const told = JSON.parse(rows[0].text);
  assert.deepEqual(
    { ...told, event_id: '', occurred_at: '' },
    {
      event_id: '',
      event_type: 'lot.held',
      schema_version: 1,
      occurred_at: '',
      trace_id: cause.traceId,
      source_service: 'test',
      site: 'S1',
      aggregate: event.aggregate,
      payload: event.payload,
    },
  );
  assert.equal(rows[0].topic, 'quality.signals');
  assert.equal(rows[0].event_id, told.event_id);
  assert.equal(rows[0].actor_subject, 'c-1');
  assert.equal(rows[0].old, null);
  assert.deepEqual(rows[0].new, { state: 'held' });
  assert.ok(Math.abs(rows[0].recorded_at.getTime() - Date.now()) < 60_000);
});

test('whatever throws between leaves nothing behind, and the connection free', async (t) => {
  const database = await withThings(t);
  const { door, db } = database;
  const failing = async (tx: Parameters<ReturnType<typeof making>>[0]): Promise<Decided<unknown>> => {
    await making('a')(tx);
    throw new Error('after the row');
  };
  await assert.rejects(door.change(keyed('k'), failing), /after the row/);
  // The tail of the change fails: an event whose aggregate cannot be told.
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  await assert.rejects(door.change(cause, async (tx) => ({ ...(await making('a')(tx)), audit: [{ ...audit, new: circular }] })));
  await assert.rejects(
    door.record(cause, {
      rows: [{ into: 'shop.thing', columns: { id: 'text' }, values: [{ id: 'x' }, { id: 'x' }] }],
      events: [event],
      audit: [audit],
    }),
    {
      code: '23505',
    },
  );
  assert.deepEqual(await counts(database), { things: 0, outbox: 0, audit: 0, keys: 0, inbox: 0 });
  assert.equal(db.pool.totalCount, db.pool.idleCount);
  // The key is free again: nothing was answered under it.
  await door.change(keyed('k'), making('a'));
});

test('a hundred parallel requests with one key have one effect; the others wait their turn elsewhere or get the same answer', async (t) => {
  const database = await withThings(t);
  const results = await Promise.allSettled(Array.from({ length: 100 }, (_, i) => database.door.change(keyed('same'), making(`t${i}`))));
  const winners = results.filter((result) => result.status === 'fulfilled');
  assert.equal(winners.length, 1);
  for (const result of results) {
    if (result.status === 'fulfilled') continue;
    const { reason } = result;
    assert.ok(reason instanceof Replayed || reason.code === 'idempotency_in_progress', String(reason));
    if (reason instanceof Replayed)
      assert.equal(reason.answer.location, `/things/${(winners[0] as PromiseFulfilledResult<unknown>).value}`);
  }
  assert.deepEqual(await counts(database), { things: 1, outbox: 1, audit: 1, keys: 1, inbox: 0 });
});

test('a key belongs to its caller and its request', async (t) => {
  const database = await withThings(t);
  const { door } = database;
  await door.change(keyed('k'), making('a'));
  await assert.rejects(door.change(keyed('k', 'other'), making('b')), { code: 'idempotency_mismatch' });
  await door.change(keyed('k', 'h', 'c-2'), making('c'));
  assert.equal((await counts(database)).things, 2);
});

test('a replay is the same bytes, whatever the body holds', async (t) => {
  const database = await withThings(t);
  let n = 0;
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), fc.integer({ min: 200, max: 299 }), async (body, status) => {
      const key = keyed(`k${++n}`);
      const work = async () => ({ result: 1, events: [], audit: [], answer: { status, body } });
      await database.door.change(key, work);
      const error = await database.door.change(key, work).then(
        () => undefined,
        (reason) => reason,
      );
      assert.ok(error instanceof Replayed);
      assert.equal(error.bodyText, JSON.stringify(body));
      assert.equal(error.answer.status, status);
    }),
    { numRuns: 60 },
  );
});

test('a key from yesterday is found in its slot; one older than eight days counts no more', async (t) => {
  const database = await withThings(t);
  const { door, db } = database;
  await door.change(keyed('k'), making('a'));
  const age = (days: number) =>
    db.pool.query(
      `update platform.idempotency set created_at = now() - make_interval(days => $1), slot = ((floor(extract(epoch from now()) / 86400)::int - $1) % 12)`,
      [days],
    );
  await age(6);
  await assert.rejects(door.change(keyed('k'), making('b')), Replayed);
  // Twelve days back is the same slot as today: the old row makes room.
  await db.pool.query(
    `update platform.idempotency set created_at = now() - interval '12 days', slot = floor(extract(epoch from now()) / 86400)::int % 12`,
  );
  assert.equal(await door.change(keyed('k'), making('b')), 'b');
  await assert.rejects(door.change(keyed('k'), making('c')), Replayed);
});

test('record: rows, calls, event and audit in one statement; with a key it happens once', async (t) => {
  const database = await withThings(t);
  const { door, db } = database;
  await db.pool.query(
    'create table called (what text); create function note(items jsonb) returns void language sql as $$ insert into called select * from jsonb_array_elements_text(items) $$',
  );
  let woken = 0;
  database.onCommit(() => {
    woken += 1;
  });
  const recording = {
    rows: [
      {
        into: 'shop.thing',
        columns: { id: 'text', n: 'int', more: 'jsonb' },
        values: [
          { id: 'a', n: 1, more: { x: [1, null] } },
          { id: 'b', n: 2 },
        ],
      },
    ],
    calls: [{ fn: 'note', items: ['lot7'] }],
    events: [event],
    audit: [audit],
    answer: { status: 201, location: '/things/a', body: { id: 'a' } },
  };
  await door.record(keyed('k'), recording);
  await assert.rejects(door.record(keyed('k'), recording), Replayed);
  assert.deepEqual(await counts(database), { things: 2, outbox: 1, audit: 1, keys: 1, inbox: 0 });
  assert.deepEqual((await db.pool.query('select * from called')).rows, [{ what: 'lot7' }]);
  assert.deepEqual((await db.pool.query("select more from shop.thing where id = 'a'")).rows, [{ more: { x: [1, null] } }]);
  assert.equal(woken, 1);
  await assert.rejects(
    door.record(cause, {
      rows: [{ into: 'shop.thing; drop table x', columns: { id: 'text' }, values: [{ id: 1 }] }],
      events: [],
      audit: [],
    }),
    /plain SQL name/,
  );
});

test('an effect of an event happens once, also when two try at the same time', async (t) => {
  const database = await withThings(t);
  const { door } = database;
  const once = { ...cause, inbox: { group: 'g', eventId: uuidv7() } };
  const effect = async (tx: Parameters<ReturnType<typeof making>>[0]) => {
    const id = uuidv7();
    return await making(id)(tx);
  };
  const results = await Promise.all(Array.from({ length: 20 }, () => door.changeOnce(once, effect)));
  assert.equal(results.filter((result) => result !== 'already').length, 1);
  assert.equal(await door.changeOnce(once, effect), 'already');
  assert.notEqual(await door.changeOnce({ ...once, inbox: { ...once.inbox, group: 'other' } }, effect), 'already');
  await door.record(once, { rows: [], events: [event], audit: [] });
  assert.deepEqual(await counts(database), { things: 2, outbox: 2, audit: 2, keys: 0, inbox: 2 });
});

test('a deadlock is run again, not handed on', async (t) => {
  const database = await withThings(t);
  const { door, db } = database;
  await db.pool.query("insert into shop.thing (id, n) values ('a', 0), ('b', 0)");
  const both = (first: string, second: string) =>
    door.change<Tables, void>(cause, async (tx) => {
      await tx
        .updateTable('thing')
        .set((eb) => ({ n: eb('n', '+', 1) }))
        .where('id', '=', first)
        .execute();
      await new Promise((resolve) => setTimeout(resolve, 50));
      await tx
        .updateTable('thing')
        .set((eb) => ({ n: eb('n', '+', 1) }))
        .where('id', '=', second)
        .execute();
      return { result: undefined, events: [], audit: [] };
    });
  await Promise.all([both('a', 'b'), both('b', 'a')]);
  assert.deepEqual((await db.pool.query('select n from shop.thing order by id')).rows, [{ n: 2 }, { n: 2 }]);
});

test('the ledger takes no change: no update, delete or truncate by its own owner', async (t) => {
  const { door, db } = await testDatabase(t);
  await door.record(cause, { rows: [], events: [], audit: [audit] });
  for (const sql of ['update platform.audit set reason = null', 'delete from platform.audit', 'truncate platform.audit']) {
    await assert.rejects(db.pool.query(sql), { code: '42501' }, sql);
  }
});

test('whoever locks before writing gets its number in the order of commits: versions leave the outbox in order', async (t) => {
  const database = await withThings(t);
  const { door, db } = database;
  await db.pool.query("insert into shop.thing (id, n) values ('a', 0)");
  const bump = (once: boolean) => {
    const work = async (tx: Transaction<Tables>) => {
      // Arrives in any order; an inbox row written up here would give a waiting session its number too early.
      await sleep(Math.random() * 10);
      const { n } = await tx.selectFrom('thing').select('n').where('id', '=', 'a').forUpdate().executeTakeFirstOrThrow();
      await sleep(Math.random() * 3);
      await tx
        .updateTable('thing')
        .set({ n: n + 1 })
        .execute();
      return { result: undefined, events: [{ ...event, aggregate: { type: 'lot', id: 'a', version: n + 1 } }], audit: [] };
    };
    return once ? door.changeOnce({ ...cause, inbox: { group: 'g', eventId: uuidv7() } }, work) : door.change(cause, work);
  };
  await Promise.all(Array.from({ length: 40 }, (_, i) => bump(i % 2 === 0)));
  const { rows } = await db.pool.query(
    "select (event -> 'aggregate' ->> 'version')::int as version from platform.outbox order by xid, seq",
  );
  assert.deepEqual(
    rows.map((row) => row.version),
    Array.from({ length: 40 }, (_, i) => i + 1),
  );
});
