import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { BatchResult } from '../../src/contracts/inspections.ts';
import { bearer, board, plant } from './intake.app.ts';

const { app, db } = await plant({ after });

const send = (payload: string, type = 'application/json', headers: Record<string, string> = {}) =>
  app.inject({ method: 'POST', url: '/v1/inspections/batch', headers: { ...bearer('aoi'), 'content-type': type, ...headers }, payload });
const stored = async (chip: string): Promise<{ attempt: number; lot_id: string }[]> =>
  (await db.pool.query('select attempt, lot_id from intake.inspection where chip_id = $1 order by attempt', [chip])).rows;

test('a bad item fails alone: the others are stored in one commit, the results come in order', async () => {
  const items = [
    board({ chip_id: 'B-001' }),
    board({ chip_id: 'B-002', inspection_type: 'thermal' }),
    board({ chip_id: 'B-003', lot_id: 'NO-LOT' }),
    'not an object',
    board({ chip_id: 'B-004', station_metadata: { text: 'a\u0000' } }),
    board({ chip_id: 'B-005', lot_id: 'LOT-2025-002' }),
    board({ chip_id: 'B-001' }),
  ];
  const answer = await send(JSON.stringify(items));
  assert.equal(answer.statusCode, 200, answer.body);
  const { results } = answer.json<{ results: BatchResult[] }>();
  assert.deepEqual(
    results.map(({ index, status }) => [index, status]),
    [
      [0, 201],
      [1, 422],
      [2, 422],
      [3, 422],
      [4, 422],
      [5, 201],
      [6, 201],
    ],
  );
  assert.equal(results[1]?.error?.details[0]?.message, 'Thermal inspections require priority >= 7');
  assert.equal(results[0]?.location, `/v1/inspections/${results[0]?.id}`);
  assert.deepEqual(
    (await stored('B-001')).map(({ attempt }) => attempt),
    [1, 2],
  );
  const { rows } = await db.pool.query('select count(distinct xmin::text) as commits, count(*) as n from intake.inspection');
  assert.deepEqual([Number(rows[0].commits), Number(rows[0].n)], [1, 3]);
  const events = await db.pool.query("select count(*) as n from platform.outbox where event->>'event_type' = 'inspection.created'");
  assert.equal(Number(events.rows[0].n), 3);
  assert.equal((await db.pool.query('select 1 from masterdata.lot')).rowCount, 2);
});

test('lines are answered as lines, and a line that cannot be read is a 400 of its own', async () => {
  const lines = [JSON.stringify(board({ chip_id: 'L-001' })), '{broken', '', JSON.stringify(board({ chip_id: 'L-002' })), '"\u00e9"'].join(
    '\n',
  );
  for (const type of ['application/x-ndjson', 'application/ndjson', 'application/jsonl; charset=utf-8']) {
    const answer = await send(lines, type);
    assert.equal(answer.statusCode, 200, answer.body);
    assert.match(String(answer.headers['content-type']), /^application\/x-ndjson/);
    const results = answer.body
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as BatchResult);
    assert.deepEqual(
      results.map(({ index, status }) => [index, status]),
      [
        [0, 201],
        [1, 400],
        [2, 201],
        [3, 422],
      ],
    );
    assert.equal(results[1]?.error?.code, 'malformed_json');
  }
});

test('what no single create may hold no item may hold', async () => {
  const poison = '{"lot_id":"LOT-2026-001","chip_id":"POISON","inspection_type":"visual","station_metadata":{"__proto__":{"x":1}}}';
  assert.equal((await send(`[${poison}]`)).json().error.code, 'malformed_json');
  const lines = await send(`${JSON.stringify(board({ chip_id: 'BESIDE' }))}\n${poison}`, 'application/x-ndjson');
  const [good, bad] = lines.body
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as BatchResult);
  assert.deepEqual([good?.status, bad?.status, bad?.error?.code], [201, 400, 'malformed_json']);
  assert.equal((await stored('POISON')).length, 0);

  const unkept = ['{"v":[1e999]}', '{"v":["\\u0000"]}', '{"v":["\\ud800"]}'].map(
    (metadata, at) => `{"lot_id":"LOT-2026-001","chip_id":"UNKEPT-${at}","inspection_type":"visual","station_metadata":${metadata}}`,
  );
  const fine = JSON.stringify(board({ chip_id: 'KEPT' }));
  for (const answer of [await send(`[${fine},${unkept}]`), await send([fine, ...unkept].join('\n'), 'application/x-ndjson')]) {
    const results = answer.headers['content-type']?.includes('ndjson')
      ? answer.body
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as BatchResult)
      : answer.json<{ results: BatchResult[] }>().results;
    assert.deepEqual(
      results.map(({ index, status, error }) => [index, status, error?.details[0]?.field, error?.details[0]?.constraint]),
      [[0, 201, undefined, undefined], ...[1, 2, 3].map((index) => [index, 422, 'body -> station_metadata -> v -> 0', 'storable'])],
      answer.body,
    );
  }
  assert.equal((await stored('UNKEPT-0')).length, 0);
});

test('a batch is bounded, and a key replays its answer in the form it had', async () => {
  const many = (n: number) => Array.from({ length: n }, (_, index) => board({ chip_id: `M-${index}` }));
  assert.equal((await send(JSON.stringify(many(1001)))).statusCode, 422);
  assert.equal(
    (
      await send(
        many(1001)
          .map((one) => JSON.stringify(one))
          .join('\n'),
        'application/x-ndjson',
      )
    ).statusCode,
    422,
  );
  assert.equal((await stored('M-0')).length, 0);
  assert.equal((await send('{}')).statusCode, 422);
  assert.equal((await send('[')).statusCode, 400);
  assert.equal((await send('')).statusCode, 400);
  assert.equal((await send('[]', 'text/plain')).statusCode, 415);
  assert.deepEqual((await send('[]')).json(), { results: [] });

  const lines = many(1000)
    .map((one) => JSON.stringify(one))
    .join('\n');
  const first = await send(lines, 'application/x-ndjson', { 'idempotency-key': 'batch-1' });
  const again = await send(lines, 'application/x-ndjson', { 'idempotency-key': 'batch-1' });
  assert.equal(again.body, first.body);
  assert.match(String(again.headers['content-type']), /^application\/x-ndjson/);
  assert.equal((await stored('M-999')).length, 1);
  const mixed = JSON.stringify([board({ chip_id: 'R-1' }), board({ priority: 99, lot_id: 'x' })]);
  const told = await send(mixed, 'application/json', { 'idempotency-key': 'batch-2' });
  assert.equal((await send(mixed, 'application/json', { 'idempotency-key': 'batch-2' })).body, told.body, 'byte for byte, errors too');
  assert.equal((await send(JSON.stringify(many(1)), 'application/json', { 'idempotency-key': 'batch-1' })).statusCode, 422);
});

test('a batch without one good item has an answer as well: its key is used, and replays it', async () => {
  const key = { 'idempotency-key': 'batch-3' };
  const good = JSON.stringify([board({ chip_id: 'K-1', station_sequence: 1 })]);
  for (const [bad, type] of [
    ['[{}]', 'application/json'],
    ['{}\n{broken', 'application/x-ndjson'],
  ] as const) {
    const headers = { 'idempotency-key': `batch of ${type}` };
    const told = await send(bad, type, headers);
    assert.equal(told.statusCode, 200, told.body);
    const again = await send(bad, type, headers);
    assert.deepEqual([again.body, again.headers['idempotency-replayed']], [told.body, 'true']);
    const other = await send(good, 'application/json', headers);
    assert.deepEqual([other.statusCode, other.json().error.code], [422, 'idempotency_mismatch'], other.body);
  }
  assert.equal((await stored('K-1')).length, 0);
  assert.equal((await send(good)).json().results[0].status, 201);
  const used = await send(good, 'application/json', key);
  assert.equal(used.json().results[0].error.code, 'sequence_used');
  assert.equal((await send(good, 'application/json', key)).headers['idempotency-replayed'], 'true', 'a used number as well');
});

test('the address of batches takes POST alone, though it looks like an id', async () => {
  for (const method of ['GET', 'PUT', 'DELETE'] as const) {
    const answer = await app.inject({ method, url: '/v1/inspections/batch', headers: bearer('aoi') });
    assert.deepEqual([answer.statusCode, answer.headers.allow], [405, 'POST'], method);
  }
  assert.equal((await app.inject({ method: 'OPTIONS', url: '/v1/inspections/batch' })).headers.allow, 'POST, OPTIONS');
});

test('a body over the limit is a 413', async () => {
  const answer = await send(' '.repeat(16 * 1024 * 1024 + 1));
  assert.equal(answer.statusCode, 413, answer.body);
});
