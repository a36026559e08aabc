import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { testDatabase } from '../../../test/support/database.ts';
import type { Cause, EventDraft } from '../db/door.ts';
import { maintain, startMaintenance } from '../db/maintenance.ts';
import { compareCursors, type Feed, type FeedEntry, openFeed } from './feed.ts';
import { compare, cursorOf, parseCursor } from './position.ts';
import { openTail } from './tail.ts';

const cause: Cause = { actor: { subject: 's', name: 's', kind: 'system' }, requestId: null, traceId: 'c'.repeat(32) };
const held = (version: number): EventDraft => ({
  type: 'lot.held',
  site: 'S1',
  key: 'S1/L',
  aggregate: { type: 'lot', id: 'L', version },
  payload: { lot_id: 'L', reason: 'r', by: 'b' },
});
const versions = (entries: readonly FeedEntry[]): number[] => entries.map((entry) => entry.event.aggregate.version);

test('a cursor is written and read without loss, and cursors sort like places; other texts are none', () => {
  const place = fc.record({ xid: fc.bigInt({ min: 0n, max: 10n ** 18n }), seq: fc.nat() }, { noNullPrototype: true });
  fc.assert(fc.property(place, (position) => assert.deepEqual(parseCursor(cursorOf(position)), position)));
  fc.assert(
    fc.property(place, place, (a, b) => assert.equal(Math.sign(compareCursors(cursorOf(a), cursorOf(b))), Math.sign(compare(a, b)))),
  );
  for (const text of ['', '1', '1.', '.1', '01.2', '-1.2', '1.2.3', '1e3.1', ' 1.2', '99999999999999999999.1'])
    assert.equal(parseCursor(text), undefined, text);
});

/** All events, when there are so many: another test's open transaction on the same server can hide the last for a moment. */
async function shown(feed: Feed, count: number): Promise<FeedEntry[]> {
  for (const end = Date.now() + 10_000; ; await sleep(5)) {
    const { events } = await feed.after('0.0', count + 1);
    if (events.length >= count) return events;
    assert.ok(Date.now() < end, `${events.length} of ${count} events are shown`);
  }
}

test('a listener hears every event once and at once; after() gives what came before, in pages', async (t) => {
  const { db, door, onCommit } = await testDatabase(t);
  // Polled so seldom that a poll cannot be taken for the wake.
  const tail = openTail({ db, pollMs: 20_000 });
  const feed = openFeed({ db, tail });
  onCommit(() => feed.wake());
  t.after(() => feed.stop());
  await door.record(cause, { rows: [], events: [held(0)], audit: [] });
  await feed.start();
  await shown(feed, 1);
  const begin = feed.cursor();
  const heard: FeedEntry[] = [];
  const stop = feed.listen((entry) => heard.push(entry));
  const began = performance.now();
  await door.record(cause, { rows: [], events: [held(1), held(2)], audit: [] });
  while (heard.length < 2) await sleep(1);
  const took = performance.now() - began;
  assert.ok(took < 10_000, `heard after ${took} ms: the wake did not reach the tail`);
  await door.record(cause, { rows: [], events: [held(3)], audit: [] });
  while (heard.length < 3) await sleep(1);
  stop();
  assert.deepEqual(versions(heard), [1, 2, 3]);
  const page = await feed.after(begin, 2);
  assert.deepEqual([page.gap, versions(page.events)], [false, [1, 2]]);
  assert.deepEqual(versions((await feed.after(page.events[1]?.cursor ?? '', 10)).events), [3]);
  assert.deepEqual(versions((await feed.after('0.0', 10)).events), [0, 1, 2, 3]);
  assert.deepEqual(await feed.after(feed.cursor(), 10), { gap: false, events: [] });
  for (const cursor of ['nonsense', '999999999999.1']) assert.equal((await feed.after(cursor, 10)).gap, true, cursor);
});

test('two processes: an event of the other is heard within the poll; a cursor of one is good in the other', async (t) => {
  const { db, door, open } = await testDatabase(t);
  const a = openFeed({ db, tail: openTail({ db }) });
  const other = open();
  const b = openFeed({ db: other, tail: openTail({ db: other }) });
  t.after(async () => void (await Promise.all([a.stop(), b.stop()])));
  await a.start();
  await b.start();
  const times: number[] = [];
  const cursors: string[] = [];
  a.listen((entry) => void cursors.push(entry.cursor));
  b.listen((entry) => void times.push(Date.now() - Date.parse(entry.event.occurred_at)));
  // One after the other: each waits for a poll of its own.
  for (let version = 1; version <= 5; version += 1) {
    await door.record(cause, { rows: [], events: [held(version)], audit: [] });
    while (times.length < version || cursors.length < version) await sleep(5);
  }
  const [, , median = 0] = times.toSorted((one, other) => one - other);
  assert.ok(median < 2000, `heard after ${times} ms`);
  assert.deepEqual(versions((await b.after(cursors[2] ?? '', 10)).events), [4, 5]);
});

test('what maintenance has removed shows as a gap, and it removes nothing that a group has not passed', async (t) => {
  const { db, door } = await testDatabase(t);
  const feed = openFeed({ db, tail: openTail({ db }) });
  for (let version = 1; version <= 3; version += 1) await door.record(cause, { rows: [], events: [held(version)], audit: [] });
  await feed.start();
  t.after(() => feed.stop());
  const all = await shown(feed, 3);
  await db.pool.query("update platform.outbox set occurred_at = now() - interval '8 days' where seq <= 2");
  await db.pool.query(
    "insert into platform.bus_position (consumer_group, topic, partition, owner) select 'g', topic, partition, 'x' from platform.outbox limit 1",
  );
  assert.equal((await maintain(db)).trimmed, 0, 'the group stands at the beginning');
  const [xid, seq] = (all[0]?.cursor ?? '').split('.');
  await db.pool.query('update platform.bus_position set xid = $1, seq = $2', [xid, seq]);
  assert.equal((await maintain(db)).trimmed, 1);
  assert.equal((await feed.after('0.0', 10)).gap, true);
  assert.deepEqual(await feed.after(all[0]?.cursor ?? '', 1), { gap: false, events: [all[1]] });
  await db.pool.query("update platform.bus_position set owner = null, updated_at = now() - interval '31 days'");
  assert.equal((await maintain(db)).trimmed, 1, 'a forgotten group holds nothing back; what is young stays');
});

test('after a month off nothing is forgotten at the start; a group whose process died and never came back is, and a living one never', async (t) => {
  const { db, door } = await testDatabase(t);
  await door.record(cause, { rows: [], events: [held(1)], audit: [] });
  await db.pool.query("update platform.outbox set occurred_at = now() - interval '40 days'");
  await db.pool.query(`insert into platform.bus_position (consumer_group, topic, partition, updated_at)
    select 'g', topic, partition, now() - interval '31 days' from platform.outbox`);
  const kept = async () => (await db.pool.query('select 1 from platform.outbox')).rowCount;
  await startMaintenance(db).stop();
  assert.equal(await kept(), 1, 'who serves it may start a moment later');
  await db.pool.query("update platform.bus_position set owner = 'x'");
  await db.pool.query("insert into platform.bus_member (owner, groups, lease_until) values ('x', '{g}', now() + interval '1 minute')");
  assert.equal((await maintain(db)).trimmed, 0, 'it is served');
  await db.pool.query("update platform.bus_member set lease_until = now() - interval '1 hour'");
  // A transaction of another test on the same server can hold it back for a moment.
  let trimmed = 0;
  for (const end = Date.now() + 10_000; trimmed === 0 && Date.now() < end; await sleep(20)) ({ trimmed } = await maintain(db));
  assert.equal(trimmed, 1, 'its owner is dead');
});

test('what the inbox knows of events that may come again stays, however old: the platform may have been off for a week', async (t) => {
  const { db, door } = await testDatabase(t);
  await door.record(cause, { rows: [], events: [held(1)], audit: [] });
  await db.pool.query(`insert into platform.inbox (slot, consumer_group, event_id)
    select (floor(extract(epoch from now()) / 86400)::int - age) % 12, 'g', gen_random_uuid() from generate_series(8, 10) as age`);
  const left = async () => (await db.pool.query('select 1 from platform.inbox')).rowCount;
  const oldest = (days: number) =>
    db.pool.query("update platform.outbox set occurred_at = date_trunc('day', now(), 'UTC') - make_interval(days => $1)", [days]);
  await db.pool.query(
    "insert into platform.bus_position (consumer_group, topic, partition) select 'g', topic, partition from platform.outbox",
  );
  await oldest(11);
  await maintain(db);
  assert.equal(await left(), 3);
  await oldest(8);
  await maintain(db);
  assert.equal(await left(), 1, 'of the days before the oldest event nothing is needed');
  await oldest(7);
  await maintain(db);
  assert.equal(await left(), 0);
});

test('the ring keeps keys of seven days and the two that a key may come late, and empties what is older', async (t) => {
  const { db } = await testDatabase(t);
  await db.pool.query(`insert into platform.idempotency (slot, caller, key, request_hash, status, body)
    select (floor(extract(epoch from now()) / 86400)::int - age) % 12, 'c', age::text, 'h', 201, '' from generate_series(0, 10) as age`);
  assert.equal((await maintain(db)).emptied, 1);
  const { rows } = await db.pool.query('select key::int as age from platform.idempotency order by 1');
  assert.deepEqual(
    rows.map((row) => row.age),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
});
