import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import type { Inspection } from '../../src/contracts/inspections.ts';
import type { Lot, ProductRevision, Site, Station } from '../../src/contracts/masterdata.ts';
import type { Problem } from '../../src/contracts/problems.ts';
import { lockInspections, moveToProgress } from '../../src/inference/inspection.ts';
import type { InferenceTables } from '../../src/inference/tables.ts';
import { bearer, board, plant } from './intake.app.ts';

const { app, db, door, files } = await plant({ after });
interface Page<T> {
  data: T[];
  has_more: boolean;
  next_cursor: string | null;
}
const get = (url: string, token = 'engineer', headers: Record<string, string> = {}) =>
  app.inject({ url, headers: { ...bearer(token), ...headers } });
const put = (url: string, payload: unknown, token = 'engineer', headers: Record<string, string> = {}) =>
  app.inject({ method: 'PUT', url, headers: { ...bearer(token), ...headers }, payload: payload as object });
const post = (token: string, more: Record<string, unknown> = {}) =>
  app.inject({ method: 'POST', url: '/v1/inspections', headers: bearer(token), payload: board(more) });
const png = (width = 40) =>
  sharp(randomBytes(width * width * 3), { raw: { width, height: width, channels: 3 } })
    .png()
    .toBuffer();
const code = (answer: { body: string }) => (JSON.parse(answer.body) as Problem).error.code;

test('sites and stations are those of the caller, with when a station was last heard', async () => {
  assert.deepEqual(
    (await get('/v1/sites')).json<Page<Site>>().data.map(({ code: name }) => name),
    ['hamburg'],
  );
  assert.deepEqual(
    (await get('/v1/sites', 'auditor')).json<Page<Site>>().data.map(({ time_zone }) => time_zone),
    ['Europe/Berlin', 'Asia/Kuala_Lumpur'],
  );
  const { created_at } = (await post('aoi', { lot_id: 'LOT-2025-100' })).json<Inspection>();
  const stations = (await get('/v1/stations')).json<Page<Station>>().data;
  assert.deepEqual(
    stations.map(({ station_id }) => station_id),
    ['AOI-HH-1', 'AOI-HH-2', 'DIM-HH-1', 'ICT-HH-1', 'THM-HH-1'],
  );
  assert.deepEqual(
    stations.map(({ last_seen_at }) => last_seen_at),
    [created_at, null, null, null, null],
  );
  const first = (await get('/v1/stations?limit=3', 'auditor')).json<Page<Station>>();
  const rest = (await get(`/v1/stations?limit=100&cursor=${first.next_cursor}`, 'auditor')).json<Page<Station>>();
  assert.deepEqual([first.data.length, first.has_more, rest.data.length, rest.has_more], [3, true, 7, false]);
  assert.equal((await get('/v1/stations', 'engineer', { accept: 'text/csv' })).body.trimEnd().split('\r\n').length, 6);
  assert.equal((await get('/v1/sites', 'aoi')).statusCode, 403);
});

test('a revision is written once and read back; the same again changes nothing; limits and policy are judged', async () => {
  const url = '/v1/products/CTRL-BOARD/revisions/A';
  const body = { description: 'controller', limits: [{ characteristic: 'r1', unit: 'Ohm', lsl: 9, usl: 11 }] };
  const made = await put(url, body);
  assert.equal(made.statusCode, 201, made.body);
  assert.equal(made.headers.location, url);
  const shown = made.json<ProductRevision>();
  assert.deepEqual([shown.policy, shown.template, shown.in_use, shown.version], [{ name: 'standard', version: 1 }, null, false, 1]);
  const again = await put(url, body);
  assert.deepEqual([again.statusCode, again.headers.etag], [200, '"1"']);
  assert.equal((await db.pool.query("select 1 from platform.audit where action = 'product.revision_written'")).rowCount, 1);
  const changed = await put(url, { ...body, description: 'controller, second run' }, 'engineer', { 'if-match': '"1"' });
  assert.deepEqual([changed.statusCode, changed.headers.etag], [200, '"2"']);
  assert.equal((await put(url, body, 'engineer', { 'if-match': '"1"' })).statusCode, 412);
  assert.equal((await get(url)).json<ProductRevision>().version, 2);
  for (const [bad, field] of [
    [{ limits: [{ characteristic: 'a', unit: 'V', lsl: 2, usl: 1 }] }, 'body -> limits -> 0 -> lsl'],
    [{ limits: [body.limits[0], body.limits[0]] }, 'body -> limits -> 1 -> characteristic'],
    [{ policy: { name: 'standard', version: 99 } }, 'body -> policy'],
    [{ policy: { name: 'standard', version: 3_000_000_000 } }, 'body -> policy -> version'],
    [{ colour: 'green' }, 'body -> colour'],
  ] as const) {
    const answer = await put('/v1/products/CTRL-BOARD/revisions/B', bad);
    assert.equal(answer.statusCode, 422, answer.body);
    assert.equal(answer.json<Problem>().error.details[0]?.field, field);
  }
  assert.equal((await get('/v1/products/CTRL-BOARD/revisions/B')).statusCode, 404);
  assert.equal((await put(url, body, 'operator')).statusCode, 403);
  await put('/v1/products/CTRL-BOARD/revisions/B', {});
  const list = (await get('/v1/products/CTRL-BOARD/revisions?limit=1')).json<Page<ProductRevision>>();
  assert.deepEqual([list.data[0]?.revision, list.has_more], ['A', true]);
});

test('a revision that several write for the first time at once is made by one and changed by the others; a limit of -0 is one of 0', async () => {
  for (let round = 0; round < 5; round++) {
    const url = `/v1/products/CTRL-BOARD/revisions/R${round}`;
    const answers = await Promise.all([1, 2, 3, 4].map((n) => put(url, { description: `${n}` })));
    assert.deepEqual(answers.map(({ statusCode }) => statusCode).sort(), [200, 200, 200, 201]);
    assert.equal((await get(url)).json<ProductRevision>().version, 4);
    const first = await Promise.all([1, 2, 3].map((n) => put(`${url}-X`, { description: `${n}` }, 'engineer', { 'if-match': '"0"' })));
    assert.deepEqual(first.map(({ statusCode }) => statusCode).sort(), [201, 412, 412]);
  }
  const zero = { limits: [{ characteristic: 'offset', unit: 'V', lsl: -0, usl: 0 }] };
  const raw = JSON.stringify(zero).replace('"lsl":0', '"lsl":-0');
  const url = '/v1/products/CTRL-BOARD/revisions/ZERO';
  const write = () =>
    app.inject({ method: 'PUT', url, headers: { ...bearer('engineer'), 'content-type': 'application/json' }, payload: raw });
  assert.deepEqual([(await write()).headers.etag, (await write()).headers.etag], ['"1"', '"1"']);
});

test('a template is a picture that decodes; another one replaces its bytes; a revision in use keeps it', async () => {
  const url = '/v1/products/TPL/revisions/1';
  await put(url, {});
  const send = (payload: Buffer, type = 'image/png', at = url) =>
    app.inject({ method: 'PUT', url: `${at}/template`, headers: { ...bearer('engineer'), 'content-type': type }, payload });
  const [one, two] = [await png(), await png()];
  assert.equal((await get(`${url}/template`)).statusCode, 404);
  assert.equal((await send(one, 'image/png', '/v1/products/TPL/revisions/none')).statusCode, 404);
  assert.equal((await send(one, 'application/pdf')).statusCode, 415);
  assert.equal((await send(one.subarray(0, one.length >> 1))).statusCode, 415);
  assert.equal((await send(Buffer.alloc(0))).statusCode, 422);
  assert.deepEqual(await files(), []);
  const first = await send(one);
  assert.equal(first.statusCode, 200, first.body);
  assert.deepEqual([first.json<ProductRevision>().template?.width, first.json<ProductRevision>().version], [40, 2]);
  assert.equal((await send(one)).json<ProductRevision>().version, 2);
  assert.equal((await send(two)).json<ProductRevision>().version, 3);
  assert.equal((await files()).length, 1, 'the replaced bytes are gone');
  assert.deepEqual((await get(`${url}/template`)).rawPayload, two);
  assert.equal((await put('/v1/lots/LOT-2025-200', { product: 'TPL', revision: '1' })).statusCode, 201);
  const used = await send(one);
  assert.deepEqual([used.statusCode, code(used)], [409, 'revision_in_use']);
  assert.equal((await send(two)).statusCode, 200);
  const written = await put(url, { description: 'other' });
  assert.deepEqual([written.statusCode, code(written)], [409, 'revision_in_use']);
  assert.equal((await put(url, {})).statusCode, 200);
  assert.equal((await get(url)).json<ProductRevision>().in_use, true);
  assert.equal((await files()).length, 1);
});

test('a lot is opened by its first inspection or by its product; the product stays once something is judged', async () => {
  await put('/v1/products/LOTS/revisions/1', {});
  await put('/v1/products/LOTS/revisions/2', {});
  const inspection = (await post('aoi', { lot_id: 'LOT-2025-401' })).json<Inspection>();
  const opened = (await get('/v1/lots/lot-2025-401')).json<Lot>();
  assert.deepEqual(
    [opened.state, opened.product, opened.counts.total, opened.counts.pending, opened.yield, opened.version],
    ['open', null, 1, 1, null, 1],
  );
  const url = '/v1/lots/LOT-2025-401';
  const assigned = await put(url, { product: 'LOTS', revision: '1' }, 'engineer', { 'if-match': '"1"' });
  assert.deepEqual([assigned.statusCode, assigned.headers.etag, assigned.json<Lot>().revision], [200, '"2"', '1']);
  assert.equal((await put(url, { product: 'LOTS', revision: '1' })).headers.etag, '"2"');
  assert.equal((await put(url, { product: 'LOTS', revision: '2' }, 'engineer', { 'if-match': '"1"' })).statusCode, 412);
  assert.equal((await put(url, { product: 'LOTS', revision: '2' })).statusCode, 200);
  const unknown = await put(url, { product: 'LOTS', revision: '9' });
  assert.deepEqual([unknown.statusCode, unknown.json<Problem>().error.details[0]?.field], [422, 'body -> revision']);
  await db.pool.query("update intake.inspection set status = 'completed', verdict = 'pass' where id = $1", [inspection.id]);
  assert.equal((await put(url, { product: 'LOTS', revision: '1' })).statusCode, 409);
  assert.equal((await put(url, { product: 'LOTS', revision: '2' })).statusCode, 200);
  assert.equal((await get(url)).json<Lot>().yield, 1);
  const { rows } = await db.pool.query(
    "select event from platform.outbox where event->>'event_type' = 'lot.assigned' and event->'payload'->>'lot_id' = 'LOT-2025-401' order by seq",
  );
  assert.deepEqual(
    rows.map(({ event }) => [event.aggregate.version, event.payload.revision]),
    [
      [2, '1'],
      [3, '2'],
    ],
  );
  assert.equal((await put('/v1/lots/LOT-1', { product: 'LOTS', revision: '1' })).statusCode, 422);
  assert.equal(
    (await put('/v1/lots/ABC', { product: 'LOTS', revision: '1' })).json<Problem>().error.details[0]?.message,
    'Lot ID must start with LOT-',
  );
  assert.equal((await put(url, { product: 'LOTS', revision: '1' }, 'operator')).statusCode, 403);
});

test('a lot keeps its product while a model is at a board of it, or a person is asked; also while that is just beginning', async () => {
  await put('/v1/products/LOTS/revisions/1', {});
  await put('/v1/products/LOTS/revisions/2', {});
  const url = '/v1/lots/LOT-2025-402';
  const { id } = (await post('aoi', { lot_id: 'LOT-2025-402' })).json<Inspection>();
  const assign = (revision: string) => put(url, { product: 'LOTS', revision });
  const move = (to: string) => db.pool.query('select from intake.move_inspection($1, $2, null, null)', [id, to]);
  await move('in_progress');
  assert.equal((await assign('1')).statusCode, 200, 'its first product');
  for (const status of ['in_progress', 'awaiting_review']) {
    if (status === 'awaiting_review') await move(status);
    const refused = await assign('2');
    assert.deepEqual([refused.statusCode, code(refused)], [409, 'transition_not_allowed'], status);
    assert.equal((await assign('1')).statusCode, 200, 'what it has');
  }
  await move('cancelled');
  assert.equal((await assign('2')).statusCode, 200);

  const next = (await post('aoi', { lot_id: 'LOT-2025-402' })).json<Inspection>();
  const cause = { actor: { subject: 'system', name: 'inference', kind: 'system' as const }, requestId: null, traceId: 'a'.repeat(32) };
  let late: ReturnType<typeof assign> | undefined;
  await door.change<InferenceTables, void>(cause, async (tx) => {
    await lockInspections(tx, [next.id]);
    late = assign('1');
    await sleep(300);
    await moveToProgress(tx, next.id);
    return { result: undefined, events: [], audit: [] };
  });
  assert.equal((await late)?.statusCode, 409);
});

test('who sees every site names the one that is meant; who has a site sees that one', async () => {
  await post('aoi', { lot_id: 'LOT-2025-501' });
  await post('penang', { lot_id: 'LOT-2025-501' });
  await post('penang', { lot_id: 'LOT-2025-502' });
  const ambiguous = await get('/v1/lots/LOT-2025-501', 'auditor');
  assert.deepEqual([ambiguous.statusCode, code(ambiguous)], [409, 'ambiguous_lot']);
  assert.equal((await get('/v1/lots/LOT-2025-501?site=penang', 'auditor')).json<Lot>().site, 'penang');
  assert.equal((await get('/v1/lots/LOT-2025-502', 'auditor')).json<Lot>().site, 'penang');
  assert.equal((await get('/v1/lots/LOT-2025-502')).statusCode, 404);
  assert.equal((await get('/v1/lots/LOT-2025-501?site=penang')).statusCode, 404);
  assert.equal((await get('/v1/lots/LOT-2025-501')).json<Lot>().site, 'hamburg');
  await put('/v1/products/LOTS/revisions/1', {});
  assert.equal((await put('/v1/lots/LOT-2025-600', { product: 'LOTS', revision: '1' }, 'admin')).statusCode, 422);
  assert.equal((await put('/v1/lots/LOT-2025-600?site=atlantis', { product: 'LOTS', revision: '1' }, 'admin')).statusCode, 422);
  await post('aoi', { lot_id: 'LOT-2025-600' });
  const opened = await put('/v1/lots/LOT-2025-600?site=penang', { product: 'LOTS', revision: '1' }, 'admin');
  assert.equal((await get(String(opened.headers.location), 'admin')).json<Lot>().site, 'penang');
});

test('If-Match: * changes what is there and makes nothing', async () => {
  for (const [url, body] of [
    ['/v1/products/STAR/revisions/1', {}],
    ['/v1/lots/LOT-2025-610', { product: 'STAR', revision: '1' }],
  ] as const) {
    assert.equal((await put(url, body, 'engineer', { 'if-match': '*' })).statusCode, 412);
    assert.equal((await get(url)).statusCode, 404);
    assert.equal((await put(url, body)).statusCode, 201);
    assert.equal((await put(url, body, 'engineer', { 'if-match': '*' })).statusCode, 200);
  }
});

test('of the counts of a lot a station is told its own, on the page, in the list and in the file', async () => {
  const lot = 'LOT-2025-650';
  for (const token of ['aoi', 'aoi2', 'aoi2']) await post(token, { lot_id: lot });
  const ids = await db.pool.query('select id, station_id from intake.inspection where lot_id = $1', [lot]);
  const own = ids.rows.find(({ station_id }) => station_id === 'AOI-HH-1').id;
  await db.pool.query(
    "update intake.inspection set status = 'completed', verdict = 'fail', completed_at = now() where lot_id = $1 and id <> $2",
    [lot, own],
  );
  for (const [token, total, pending, fail, yields] of [
    ['engineer', 3, 1, 2, 0],
    ['aoi', 1, 1, 0, null],
    ['aoi2', 2, 0, 2, 0],
    ['thm', 0, 0, 0, null],
  ] as const) {
    const one = (await get(`/v1/lots/${lot}`, token)).json<Lot>();
    assert.deepEqual([one.counts.total, one.counts.pending, one.counts.fail, one.yield], [total, pending, fail, yields], token);
    const listed = (await get('/v1/lots?limit=100', token)).json<Page<Lot>>().data.find(({ lot_id }) => lot_id === lot);
    assert.deepEqual(listed, one);
    const [names = '', ...lines] = (await get('/v1/lots', token, { accept: 'text/csv' })).body.split('\r\n');
    const cells = lines.find((line) => line.startsWith(`${lot},`))?.split(',') ?? [];
    assert.equal(cells[names.split(',').indexOf('total')], String(total), token);
  }
});

test('lots are listed newest first in pages that lose none, by state, and as a file', async () => {
  for (let index = 700; index < 712; index++) await post('aoi2', { lot_id: `LOT-2025-${index}` });
  await db.pool.query("update masterdata.lot set opened_at = '2025-01-01T00:00:00.123456Z' where lot_id like 'LOT-2025-70%'");
  const seen: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Page<Lot> = (await get(`/v1/lots?limit=5${cursor === '' ? '' : `&cursor=${cursor}`}`)).json<Page<Lot>>();
    seen.push(...page.data.map(({ lot_id }) => lot_id));
    cursor = page.next_cursor;
  }
  const { rows } = await db.pool.query("select lot_id from masterdata.lot where site = 'hamburg'");
  assert.deepEqual(seen.toSorted(), rows.map(({ lot_id }) => lot_id).toSorted());
  await db.pool.query(
    "insert into disposition.lot (site, lot_id, state, reason, decided_by) values ('hamburg', 'LOT-2025-711', 'held', 'too many fails', 'rule')",
  );
  const held = (await get('/v1/lots?state=held')).json<Page<Lot>>().data;
  assert.deepEqual(
    held.map(({ lot_id, reason, version }) => [lot_id, reason, version]),
    [['LOT-2025-711', 'too many fails', 2]],
  );
  assert.ok(!(await get('/v1/lots?state=open&limit=100')).json<Page<Lot>>().data.some(({ lot_id }) => lot_id === 'LOT-2025-711'));
  assert.equal((await get('/v1/lots', 'engineer', { accept: 'text/csv' })).body.trimEnd().split('\r\n').length, rows.length + 1);
  assert.equal((await get('/v1/lots?cursor=WzEsMiwzXQ')).statusCode, 422);
});

test('a cursor that somebody made up is refused or ends the list; it is no fault of the platform', async () => {
  const cursors = [
    ['9999-99-99 99:99:99+00', 'hamburg', 'LOT-2025-001'],
    ['2025-02-30 00:00:00+00', 'hamburg', 'LOT-2025-001'],
    ['99999999999999999', 'hamburg', 'LOT-2025-001'],
    ['9999999999999999', 'hamburg', 'LOT-2025-001'],
    ['-9999999999999999', 'hamburg', ''],
    ['1', 'a\u0000', 'LOT-2025-001'],
    ['1', 'a', '\ud800'],
    'A',
    'a\u0000',
    '\ud800',
    '-'.repeat(36),
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
    9_007_199_254_740_991,
    -1,
    {},
    null,
  ];
  const lists = ['/v1/lots?', '/v1/sites?', '/v1/stations?', '/v1/products/LOTS/revisions?', '/v1/inspections?', '/v1/units/PCB-A1234?'];
  for (const list of [...lists, '/v1/stations/AOI-HH-1/sequence?', '/v1/stations/AOI-HH-1/sequence?epoch=9007199254740991&'])
    for (const cursor of cursors) {
      const answer = await get(`${list}cursor=${Buffer.from(JSON.stringify(cursor)).toString('base64url')}`);
      assert.ok([200, 422].includes(answer.statusCode), `${list} ${JSON.stringify(cursor)}: ${answer.body}`);
    }
});

test('a site whose pattern is no pattern has that of the platform: its lots are opened as before', async () => {
  await put('/v1/products/LOTS/revisions/1', {});
  await db.pool.query("update masterdata.site set lot_id_pattern = 'LOT-(' where code = 'penang'");
  const open = (lot: string) => put(`/v1/lots/${lot}`, { product: 'LOTS', revision: '1' }, 'engineerPg');
  assert.equal((await open('LOT-2025-801')).statusCode, 201);
  assert.equal((await open('LOT-1')).statusCode, 422);
  await db.pool.query("update masterdata.site set lot_id_pattern = '^B\\d{6}$' where code = 'penang'");
  assert.equal((await open('B123456')).statusCode, 201);
  await db.pool.query("update masterdata.site set lot_id_pattern = null where code = 'penang'");
});
