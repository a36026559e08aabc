import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { BatchResult, Inspection } from '../../src/contracts/inspections.ts';
import type { Problem } from '../../src/contracts/problems.ts';
import type { StationSequence } from '../../src/contracts/stations.ts';
import { bearer, board, plant } from './intake.app.ts';

const { app, db } = await plant({ after });

const post = (body: Record<string, unknown>, who = 'aoi', headers: Record<string, string> = {}) =>
  app.inject({ method: 'POST', url: '/v1/inspections', headers: { ...bearer(who), ...headers }, payload: board(body) });
const sequence = async (station: string, query = '', who = 'aoi') => {
  const answer = await app.inject({ method: 'GET', url: `/v1/stations/${station}/sequence${query}`, headers: bearer(who) });
  return { status: answer.statusCode, body: answer.json<StationSequence>() };
};
const numbered = (station_sequence: number, more: Record<string, unknown> = {}) => ({
  chip_id: `S-${station_sequence}`,
  station_sequence,
  ...more,
});

test('a station’s time and number are kept beside the server’s own, told in the event, and null where nobody claims them', async () => {
  const looked = new Date(Date.now() - 3 * 86_400_000);
  const answer = await post({ chip_id: 'T-1', station_sequence: 1, inspected_at: looked.toISOString().replace('Z', '+00:00') });
  assert.equal(answer.statusCode, 201, answer.body);
  const made = answer.json<Inspection>();
  assert.equal(made.inspected_at, looked.toISOString());
  assert.deepEqual([made.station_epoch, made.station_sequence], [0, 1]);
  assert.ok(Date.now() - Date.parse(made.created_at) < 60_000, 'created_at is the server’s');
  const read = await app.inject({ url: `/v1/inspections/${made.id}`, headers: bearer('aoi') });
  assert.deepEqual(read.json(), made);
  const { rows } = await db.pool.query("select event->'payload' as told from platform.outbox where event->'aggregate'->>'id' = $1", [
    made.id,
  ]);
  assert.deepEqual([rows[0].told.inspected_at, rows[0].told.station_epoch, rows[0].told.station_sequence], [looked.toISOString(), 0, 1]);

  const plain = (await post({ chip_id: 'T-2' })).json<Inspection>();
  assert.deepEqual([plain.inspected_at, plain.station_epoch, plain.station_sequence], [null, null, null]);
  const silent = await db.pool.query("select event->'payload' as told from platform.outbox where event->'aggregate'->>'id' = $1", [
    plain.id,
  ]);
  assert.ok(!('inspected_at' in silent.rows[0].told) && !('station_sequence' in silent.rows[0].told));
});

test('a time ahead or long ago, a number of somebody who is no station, an epoch without a number: 422 with field and rule', async () => {
  const at = (millis: number) => new Date(Date.now() + millis).toISOString();
  const cases: [Record<string, unknown>, string, string, string][] = [
    [{ inspected_at: at(6 * 60_000) }, 'aoi', 'body -> inspected_at', 'future'],
    [{ inspected_at: at(-401 * 86_400_000) }, 'aoi', 'body -> inspected_at', 'age'],
    [{ inspected_at: 'yesterday' }, 'aoi', 'body -> inspected_at', 'format'],
    [{ inspected_at: '2016-12-31T23:59:60Z' }, 'aoi', 'body -> inspected_at', 'format'],
    [{ inspected_at: null }, 'aoi', 'body -> inspected_at', 'type'],
    [{ station_sequence: 0 }, 'aoi', 'body -> station_sequence', 'minimum'],
    [{ station_sequence: '7' }, 'aoi', 'body -> station_sequence', 'type'],
    [{ station_sequence: 1e300 }, 'aoi', 'body -> station_sequence', 'maximum'],
    [{ station_sequence: 7 }, 'operator', 'body -> station_sequence', 'station'],
    [{ station_epoch: 7 }, 'aoi', 'body -> station_epoch', 'sequence'],
  ];
  for (const [body, who, field, rule] of cases) {
    const answer = await post({ chip_id: 'W-1', ...body }, who);
    assert.equal(answer.statusCode, 422, JSON.stringify(body));
    const [detail] = answer.json<Problem>().error.details;
    assert.deepEqual([detail?.field, detail?.constraint], [field, rule]);
  }
  assert.equal((await post({ chip_id: 'W-2', inspected_at: at(4 * 60_000) })).statusCode, 201);
  assert.equal((await post({ chip_id: 'W-3', inspected_at: at(-399 * 86_400_000) }, 'operator')).statusCode, 201, 'a person may say when');
});

test('a number is used once: its own key replays, anything else is 409; another epoch or station counts for itself', async () => {
  const first = await post(numbered(50), 'aoi', { 'idempotency-key': 'seq-50' });
  assert.equal(first.statusCode, 201);
  const again = await post(numbered(50), 'aoi', { 'idempotency-key': 'seq-50' });
  assert.deepEqual([again.statusCode, again.json<Inspection>().id], [201, first.json<Inspection>().id]);
  const other = await post(numbered(50));
  assert.equal(other.statusCode, 409, other.body);
  assert.equal(other.json<Problem>().error.code, 'sequence_used');
  assert.equal(other.json<Problem>().error.details[0]?.invalid_value, 50);
  assert.equal((await post(numbered(50, { station_epoch: 1 }))).statusCode, 201);
  assert.equal((await post(numbered(50), 'aoi2')).statusCode, 201);
  const far = numbered(Number.MAX_SAFE_INTEGER, { station_epoch: Number.MAX_SAFE_INTEGER });
  const kept = (await post(far, 'aoi2')).json<Inspection>();
  assert.deepEqual(
    [kept.station_epoch, kept.station_sequence],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    'as far as a number is exact',
  );
  const parallel = await Promise.all(Array.from({ length: 8 }, () => post(numbered(51))));
  assert.deepEqual(parallel.map(({ statusCode }) => statusCode).sort(), [201, 409, 409, 409, 409, 409, 409, 409]);
});

test('in a batch a used number fails alone, and with a key the whole batch replays', async () => {
  const lines = (numbers: number[]) => numbers.map((n, at) => JSON.stringify(board(numbered(n, { chip_id: `B-${at}` })))).join('\n');
  const batch = (payload: string, key?: string) =>
    app.inject({
      method: 'POST',
      url: '/v1/inspections/batch',
      headers: { ...bearer('thm'), 'content-type': 'application/x-ndjson', ...(key ? { 'idempotency-key': key } : {}) },
      payload,
    });
  const results = (body: string) =>
    body
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as BatchResult);
  const first = await batch(lines([1, 2, 2, 3]), 'b-1');
  assert.deepEqual(
    results(first.body).map(({ status }) => status),
    [201, 201, 409, 201],
  );
  assert.equal(results(first.body)[2]?.error?.code, 'sequence_used');
  assert.equal((await batch(lines([1, 2, 2, 3]), 'b-1')).body, first.body);
  assert.deepEqual(
    results((await batch(lines([3, 4, 1]))).body).map(({ status }) => status),
    [409, 201, 409],
  );
  assert.deepEqual((await sequence('THM-HH-1', '', 'thm')).body.highest, 4);
});

test('gaps, counts and late arrivals by epoch, page by page; a station sees its own, a stranger none', async () => {
  const late = new Date(Date.now() - 120_000).toISOString();
  for (const n of [2, 3, 7, 8, 12])
    assert.equal((await post(numbered(n, { station_epoch: 9, inspected_at: late }), 'penang')).statusCode, 201);
  assert.equal((await post(numbered(1, { station_epoch: 4 }), 'penang')).statusCode, 201);
  const { body } = await sequence('AOI-PG-1', '', 'penang');
  assert.deepEqual([body.epoch, body.epochs, body.highest, body.from, body.to, body.count, body.late], [9, [9, 4], 12, 1, 12, 5, 5]);
  assert.ok((body.longest_delay_seconds ?? 0) >= 120);
  const gaps = [
    { from: 1, to: 1 },
    { from: 4, to: 6 },
    { from: 9, to: 11 },
  ];
  assert.deepEqual([body.data, body.has_more, body.next_cursor], [gaps, false, null]);
  const found: unknown[] = [];
  let counted = 0;
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: StationSequence = (await sequence('AOI-PG-1', `?limit=1${cursor && `&cursor=${cursor}`}`, 'penang')).body;
    found.push(...page.data);
    counted += page.count;
    cursor = page.next_cursor;
  }
  assert.deepEqual([found, counted], [gaps, 5]);
  const old = (await sequence('AOI-PG-1', '?epoch=4', 'auditor')).body;
  assert.deepEqual([old.highest, old.count, old.late, old.data, old.longest_delay_seconds], [1, 1, 0, [], null]);
  assert.deepEqual((await sequence('ICT-HH-1', '', 'engineer')).body.epoch, null);
  for (const [station, who] of [
    ['AOI-PG-1', 'aoi'],
    ['AOI-HH-2', 'aoi'],
    ['AOI-PG-1', 'engineer'],
    ['NO-SUCH', 'auditor'],
  ] as const)
    assert.equal((await sequence(station, '', who)).status, 404, `${who} asks for ${station}`);
  assert.equal((await sequence('AOI-HH-1', '?cursor=bm8')).status, 422);
});
