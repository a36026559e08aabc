import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Inspection } from '../../src/contracts/inspections.ts';
import type { Problem } from '../../src/contracts/problems.ts';
import { traceId } from '../../src/platform/id.ts';
import { bearer, board, plant } from './intake.app.ts';

const { app, db, door } = await plant({ after });
interface Page {
  data: Inspection[];
  has_more: boolean;
  next_cursor: string | null;
}
const get = (url: string, token = 'operator', headers: Record<string, string> = {}) =>
  app.inject({ url, headers: { ...bearer(token), ...headers } });
async function post(token: string, body: object): Promise<Inspection> {
  const answer = await app.inject({ method: 'POST', url: '/v1/inspections', headers: bearer(token), payload: body });
  assert.equal(answer.statusCode, 201, answer.body);
  return answer.json<Inspection>();
}
async function walk(url: string, token = 'operator', between: () => Promise<unknown> = async () => {}): Promise<string[]> {
  const seen: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Page = (await get(`${url}${cursor === '' ? '' : `&cursor=${cursor}`}`, token)).json<Page>();
    seen.push(...page.data.map(({ id }) => id));
    assert.equal(page.has_more, page.next_cursor !== null);
    cursor = page.next_cursor;
    await between();
  }
  return seen;
}

test('pages lose nothing and show nothing twice, whatever is inserted meanwhile', async () => {
  const made: string[] = [];
  for (let index = 0; index < 23; index++) made.push((await post('aoi', board({ chip_id: `PAGE-${index}` }))).id);
  for (const limit of [1, 4, 7, 23, 100]) {
    let extra = 0;
    const seen = await walk(`/v1/inspections?limit=${limit}&lot_id=LOT-2025-001`, 'operator', () =>
      post('aoi', board({ chip_id: `LATER-${limit}-${extra++}` })),
    );
    const before = seen.filter((id) => made.includes(id));
    assert.deepEqual(before, made.toReversed());
    assert.equal(new Set(seen).size, seen.length);
  }
});

test('filters narrow, a span of time is inclusive, and a bad value is a 422 of the query', async () => {
  const one = await post('thm', board({ inspection_type: 'thermal', priority: 9, lot_id: 'LOT-2025-777', chip_id: 'FILTER-1' }));
  for (const filter of ['status=pending', 'inspection_type=thermal', 'lot_id=lot-2025-777', 'chip_id=FILTER-1', 'station_id=THM-HH-1']) {
    const { data } = (await get(`/v1/inspections?${filter}&limit=100`)).json<Page>();
    assert.ok(
      data.some(({ id }) => id === one.id),
      filter,
    );
  }
  const span = (await get(`/v1/inspections?from=${one.created_at}&to=${one.created_at}&chip_id=FILTER-1`)).json<Page>();
  assert.deepEqual(
    span.data.map(({ id }) => id),
    [one.id],
  );
  assert.deepEqual(await walk('/v1/inspections?station_id=THM-HH-1&limit=1'), [one.id]);
  assert.deepEqual((await get('/v1/inspections?station_id=AOI-HH-1', 'aoi2')).json<Page>().data, []);
  assert.ok((await walk('/v1/inspections?limit=2', 'aoi')).length > 20, 'a station pages through its own');
  assert.deepEqual((await get('/v1/inspections?verdict=fail')).json<Page>().data, []);
  assert.deepEqual((await get('/v1/inspections?to=2020-01-01T00:00:00Z')).json<Page>().data, []);
  for (const [query, field] of [
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=x', 'limit'],
    ['status=open', 'status'],
    ['from=yesterday', 'from'],
    ['from=2025-02-01T00:00:00Z&to=2025-01-01T00:00:00Z', 'from'],
    ['cursor=abc', 'cursor'],
    ['include=pictures', 'include'],
    ['colour=green', 'colour'],
  ]) {
    const answer = await get(`/v1/inspections?${query}`);
    assert.equal(answer.statusCode, 422, query);
    assert.equal(answer.json<Problem>().error.details[0]?.field, `query -> ${field}`);
  }
});

test('a station sees its own records, a person those of their site, and everything else does not exist', async () => {
  const own = await post('aoi', board({ chip_id: 'SIGHT-1' }));
  const penang = await post('penang', board({ chip_id: 'SIGHT-2' }));
  const url = (id: string) => `/v1/inspections/${id}`;
  for (const [token, sees] of [
    ['aoi', true],
    ['aoi2', false],
    ['operator', true],
    ['engineerPg', false],
    ['auditor', true],
  ] as const)
    assert.equal((await get(url(own.id), token)).statusCode, sees ? 200 : 404, token);
  const strip = (body: string) => body.replace(/"(request_id|timestamp)":"[^"]*"/g, '');
  const foreign = await get(url(penang.id), 'operator');
  const unknown = await get(url('01900000-0000-7000-8000-000000000000'), 'operator');
  const malformed = await get(url('nonsense'), 'operator');
  assert.equal(strip(foreign.body), strip(unknown.body));
  assert.equal(strip(foreign.body), strip(malformed.body));
  assert.deepEqual([foreign.statusCode, malformed.statusCode], [404, 404]);
  const list = (await get('/v1/inspections?limit=100', 'engineerPg')).json<Page>();
  assert.deepEqual(
    list.data.map(({ id }) => id),
    [penang.id],
  );
  assert.equal((await get('/v1/units/SIGHT-1', 'engineerPg')).statusCode, 404);
  const unit = (await get('/v1/units/SIGHT-1', 'auditor')).json<Page & { chip_id: string }>();
  assert.deepEqual([unit.chip_id, unit.data[0]?.id], ['SIGHT-1', own.id]);
});

test('who sees all sites has the lot of one of them, and another site than one’s own is empty', async () => {
  const lot = { lot_id: 'LOT-2025-888' };
  const here = [await post('aoi', board({ ...lot, chip_id: 'SITE-1' })), await post('aoi', board({ ...lot, chip_id: 'SITE-2' }))];
  const there = [await post('penang', board({ ...lot, chip_id: 'SITE-3' })), await post('penang', board({ ...lot, chip_id: 'SITE-4' }))];
  const url = '/v1/inspections?lot_id=LOT-2025-888&limit=1';
  const ids = (made: Inspection[]) => made.map(({ id }) => id).toReversed();
  assert.deepEqual(await walk(url, 'auditor'), ids([...here, ...there]));
  assert.deepEqual(await walk(`${url}&site=hamburg`, 'auditor'), ids(here));
  assert.deepEqual(await walk(`${url}&site=penang`, 'auditor'), ids(there));
  assert.deepEqual(await walk(`${url}&site=penang&station_id=AOI-PG-1`, 'auditor'), ids(there));
  assert.deepEqual(await walk(`${url}&site=penang&station_id=AOI-HH-1`, 'auditor'), []);
  assert.deepEqual(await walk(`${url}&site=hamburg`, 'operator'), ids(here));
  assert.deepEqual(await walk(`${url}&site=penang`, 'operator'), []);
  const file = await get('/v1/inspections?lot_id=LOT-2025-888&site=penang', 'auditor', { accept: 'text/csv' });
  assert.equal(file.body.trimEnd().split('\r\n').length, 3);
});

test('a unit has its history over lots, types and attempts, newest first and in pages', async () => {
  const made = [];
  for (const more of [{}, {}, { lot_id: 'LOT-2025-009' }, { inspection_type: 'electrical' }])
    made.push((await post('aoi', board({ chip_id: 'UNIT/7 x', ...more }))).id);
  assert.deepEqual(await walk('/v1/units/UNIT%2F7%20x?limit=2'), made.toReversed());
});

test('the list is a file when it is asked for, whole, with formulas neutralised', async () => {
  await post('aoi', board({ chip_id: '=HYPERLINK("x")', lot_id: 'LOT-2025-300' }));
  for (let index = 0; index < 30; index++) await post('aoi', board({ chip_id: `CSV-${index}`, lot_id: 'LOT-2025-300' }));
  const file = await get('/v1/inspections?lot_id=LOT-2025-300', 'operator', { accept: 'text/csv' });
  assert.match(String(file.headers['content-type']), /^text\/csv/);
  const lines = file.body.trimEnd().split('\r\n');
  assert.equal(lines.length, 32);
  assert.match(lines[0] ?? '', /^id,lot_id,chip_id,/);
  assert.ok(
    lines.some((line) => line.includes(`"'=HYPERLINK(""x"")"`)),
    lines.at(-1),
  );
  const part = await get('/v1/inspections?lot_id=LOT-2025-300&limit=5', 'operator', { accept: 'text/csv' });
  assert.equal(part.body.trimEnd().split('\r\n').length, 6);
});

test('a record that has not changed is a 304, and parts come when they are asked for', async () => {
  const one = await post('aoi', board({ chip_id: 'ETAG-1' }));
  const same = await get(`/v1/inspections/${one.id}`, 'aoi', { 'if-none-match': '"1"' });
  assert.deepEqual([same.statusCode, same.body], [304, '']);
  const whole = (await get(`/v1/inspections/${one.id}?include=defects,artifacts,measurements,inference`)).json<Inspection>();
  assert.deepEqual([whole.defects, whole.artifacts, whole.measurements, whole.inference], [[], [], [], []]);
  assert.equal((await get(`/v1/inspections?chip_id=ETAG-1&include=defects`)).json<Page>().data[0]?.defects?.length, 0);
});

test('wait answers as soon as the inspection waits for a person, and with the state of now when the time is over', async () => {
  const one = await post('aoi', board({ chip_id: 'WAIT-1' }));
  const start = performance.now();
  const idle = await get(`/v1/inspections/${one.id}?wait=0.3`);
  assert.ok(performance.now() - start >= 290);
  assert.equal(idle.json<Inspection>().status, 'pending');
  assert.equal((await get(`/v1/inspections/${one.id}?wait=21`)).statusCode, 422);

  const waiting = Array.from({ length: 5 }, () => get(`/v1/inspections/${one.id}?wait=20`));
  await sleep(50);
  const cause = { actor: { subject: 'system', name: 'test', kind: 'system' }, requestId: null, traceId: traceId() } as const;
  const judged = performance.now();
  await door.change(cause, async (tx) => {
    const { sql } = await import('kysely');
    await sql`select 1 from intake.lock_inspection(${one.id}::uuid)`.execute(tx);
    await sql`select 1 from intake.move_inspection(${one.id}::uuid, 'completed', 'pass', 'no defect')`.execute(tx);
    const { id, lot_id, chip_id, inspection_type, station_id } = one;
    const facts = {
      inspection_id: id,
      lot_id,
      chip_id,
      inspection_type,
      station_id,
      status: 'completed',
      verdict: 'pass',
      reason: 'no defect',
    } as const;
    return {
      result: null,
      events: [
        {
          type: 'inspection.judged',
          site: 'hamburg',
          key: `hamburg/${lot_id}`,
          aggregate: { type: 'inspection', id, version: 2 },
          payload: { ...facts, by: 'model', policy: 'standard 1', worst_severity: null, defects: 0 },
        },
      ],
      audit: [],
    };
  });
  for (const answer of await Promise.all(waiting)) assert.equal(answer.json<Inspection>().verdict, 'pass');
  assert.ok(performance.now() - judged < 15_000, 'told by the feed, not by the end of the time');
  const settled = performance.now();
  assert.equal((await get(`/v1/inspections/${one.id}?wait=20`)).json<Inspection>().status, 'completed');
  assert.ok(performance.now() - settled < 10_000);
  assert.equal(Number((await db.pool.query('select count(*) as n from intake.inspection where id = $1', [one.id])).rows[0].n), 1);
});

test('what is cancelled, or failed, is found by an index of its own, which no other inspection is in', async () => {
  await db.pool.query(`insert into intake.inspection (id, site, lot_id, chip_id, inspection_type, priority, status, attempt, version, created_by, created_at, updated_at)
    select gen_random_uuid(), 'hamburg', 'LOT-2024-001', 'MANY-' || n, 'visual', 5, 'pending', 1, 1, 'test', now(), now() from generate_series(1, 20000) n`);
  const { id } = await post('aoi', board({ chip_id: 'DROPPED' }));
  const cancelled = await app.inject({
    method: 'POST',
    url: `/v1/inspections/${id}/cancel`,
    headers: bearer('aoi'),
    payload: { reason: 'the board is gone' },
  });
  assert.equal(cancelled.statusCode, 200, cancelled.body);
  await db.pool.query('vacuum (analyze) intake.inspection');
  for (const status of ['cancelled', 'failed'])
    for (const site of [`site = 'hamburg' and`, '']) {
      const { rows } = await db.pool.query(
        `explain select * from intake.inspection where ${site} status = '${status}' order by id desc limit 21`,
      );
      assert.match(JSON.stringify(rows), /Index Scan Backward using inspection_dropped/);
    }
  assert.ok((await walk('/v1/inspections?limit=20&status=cancelled')).includes(id));
  assert.deepEqual(await walk('/v1/inspections?limit=20&status=failed'), []);
  const { rows } = await db.pool.query(`select reltuples::int as entries from pg_class where oid = 'intake.inspection_dropped'::regclass`);
  assert.ok(rows[0].entries < 100, `${rows[0].entries} entries`);
});
