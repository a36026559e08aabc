import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { INSPECTION_EXAMPLE, type Inspection } from '../../src/contracts/inspections.ts';
import type { Problem } from '../../src/contracts/problems.ts';
import { bearer, board, plant } from './intake.app.ts';

const first = await plant({ after });
const { app, db, metrics } = first;

async function post(token: string, payload: unknown, headers: Record<string, string> = {}) {
  return app.inject({ method: 'POST', url: '/v1/inspections', headers: { ...bearer(token), ...headers }, payload: payload as object });
}
const count = async (text: string, ...values: unknown[]): Promise<number> =>
  Number((await db.pool.query(`select count(*) as n from ${text}`, values)).rows[0].n);

test('an accepted inspection is a row, an open lot, an event and an audit entry, and is told with Location and ETag', async () => {
  const answer = await post('aoi', board({ lot_id: 'lot-2025-001', station_metadata: { station_id: 'AOI-HH-1', shift: 'morning' } }));
  assert.equal(answer.statusCode, 201, answer.body);
  const made = answer.json<Inspection>();
  assert.equal(answer.headers.location, `/v1/inspections/${made.id}`);
  assert.equal(answer.headers.etag, '"1"');
  assert.equal(made.lot_id, 'LOT-2025-001');
  assert.deepEqual([made.priority, made.attempt, made.version], [5, 1, 1]);
  assert.deepEqual([made.site, made.station_id, made.status, made.verdict], ['hamburg', 'AOI-HH-1', 'pending', null]);
  assert.equal(Number.parseInt(made.id.replaceAll('-', '').slice(0, 12), 16), Date.parse(made.created_at));
  assert.equal(await count("masterdata.lot where site = 'hamburg' and lot_id = 'LOT-2025-001'"), 1);
  const { rows } = await db.pool.query("select event from platform.outbox where event->'payload'->>'inspection_id' = $1", [made.id]);
  assert.equal(rows.length, 1);
  assert.equal(rows[0].event.event_type, 'inspection.created');
  assert.equal(rows[0].event.payload.attempt, 1);
  const { rows: entries } = await db.pool.query('select * from platform.audit where object_id = $1', [made.id]);
  assert.deepEqual([entries.length, entries[0].action, entries[0].actor_name], [1, 'inspection.created', 'AOI-HH-1']);
  const read = await app.inject({ url: answer.headers.location as string, headers: bearer('aoi') });
  assert.deepEqual(read.json(), made);
  assert.match((await metrics.render()).text, /inspections_total\{[^}]*station_id="AOI-HH-1"[^}]*\} 1/);
});

test('the example of the design document is a record, as it stands', async () => {
  const answer = await post('operator', INSPECTION_EXAMPLE);
  assert.equal(answer.statusCode, 201, answer.body);
  const made = answer.json<Inspection>();
  assert.deepEqual([made.lot_id, made.chip_id, made.inspection_type, made.priority], ['LOT-2025-001', 'PCB-A1234', 'visual', 5]);
  assert.deepEqual(made.station_metadata, { station_id: 'AOI-LINE-1', operator: 'john.doe', shift: 'morning' });
});

test('an inspection that is not settled stands in the gauge of its type', async () => {
  const other = await plant({ after });
  const active = async () =>
    /active_inspections_count\{inspection_type="dimensional"\} (\d+)/.exec((await other.metrics.render()).text)?.[1];
  assert.equal(await active(), '0');
  const made = await other.app.inject({
    method: 'POST',
    url: '/v1/inspections',
    headers: bearer('aoi'),
    payload: board({ inspection_type: 'dimensional' }),
  });
  assert.equal(made.statusCode, 201);
  for (const end = Date.now() + 15_000; (await active()) !== '1'; await setTimeout(200)) assert.ok(Date.now() < end, 'the gauge stays');
});

/** Body, field of the fault, and the words of ADR-001 where it has words. */
const REFUSED: [string, Record<string, unknown>, string, string?][] = [
  ['no lot', { lot_id: undefined }, 'body -> lot_id'],
  ['a lot of two characters', { lot_id: 'LO' }, 'body -> lot_id'],
  ['a lot of 51 characters', { lot_id: `LOT-${'1'.repeat(47)}` }, 'body -> lot_id'],
  ['a lot without its prefix', { lot_id: 'ABC-2025-001' }, 'body -> lot_id', 'Lot ID must start with LOT-'],
  ['a lot beside the pattern', { lot_id: 'LOT-25-1' }, 'body -> lot_id'],
  ['a lot with a trailing line feed', { lot_id: 'LOT-2025-001\n' }, 'body -> lot_id'],
  ['a lot that is a number', { lot_id: 5 }, 'body -> lot_id'],
  ['no chip', { chip_id: undefined }, 'body -> chip_id'],
  ['a chip of two characters', { chip_id: 'AB' }, 'body -> chip_id'],
  ['a chip of 101 characters', { chip_id: 'A'.repeat(101) }, 'body -> chip_id'],
  ['a chip with a control character', { chip_id: 'PCB\u0007A' }, 'body -> chip_id'],
  ['a chip with a C1 control character', { chip_id: 'PCB\u0085A' }, 'body -> chip_id'],
  ['no type', { inspection_type: undefined }, 'body -> inspection_type'],
  ['an unknown type', { inspection_type: 'acoustic' }, 'body -> inspection_type'],
  ['priority 0', { priority: 0 }, 'body -> priority'],
  ['priority 11', { priority: 11 }, 'body -> priority'],
  ['priority 5.5', { priority: 5.5 }, 'body -> priority'],
  ['priority as text', { priority: '5' }, 'body -> priority'],
  ['a thermal inspection of priority 6', { inspection_type: 'thermal', priority: 6 }, 'body', 'Thermal inspections require priority >= 7'],
  ['a thermal inspection without priority', { inspection_type: 'thermal' }, 'body', 'Thermal inspections require priority >= 7'],
  ['an unknown field', { colour: 'green' }, 'body -> colour'],
  ['metadata that is a list', { station_metadata: [] }, 'body -> station_metadata'],
  ['another station', { station_metadata: { station_id: 'AOI-HH-2' } }, 'body -> station_metadata -> station_id'],
  ['a station id that is a number', { station_metadata: { station_id: 7 } }, 'body -> station_metadata -> station_id'],
  ['metadata of 70 kB', { station_metadata: { note: 'x'.repeat(70_000) } }, 'body -> station_metadata'],
  ['U+0000 in metadata', { station_metadata: { note: 'a\u0000b' } }, 'body -> station_metadata -> note'],
];

test('every broken rule is a 422 that names its field in the envelope of ADR-001', async (t) => {
  for (const [name, change, field, message] of REFUSED) {
    await t.test(name, async () => {
      const answer = await post('aoi', board(change), { 'x-request-id': 'check-1' });
      assert.equal(answer.statusCode, 422, answer.body);
      const { error } = answer.json<Problem>();
      assert.equal(error.code, 'validation_error');
      assert.equal(error.message, 'Request validation failed');
      assert.equal(error.request_id, 'check-1');
      const detail = error.details.find((one) => one.field === field);
      assert.ok(detail, `no fault of ${field} in ${answer.body}`);
      if (message !== undefined) assert.equal(detail.message, message);
    });
  }
});

test('thermal with priority 7 is taken, null metadata becomes an empty object', async () => {
  const thermal = await post('thm', board({ inspection_type: 'thermal', priority: 7, station_metadata: null }));
  assert.equal(thermal.statusCode, 201, thermal.body);
  assert.deepEqual(thermal.json<Inspection>().station_metadata, {});
});

test('a person posts for their site and may name a station of it; who sees all sites has to name one', async () => {
  const plain = (await post('operator', board())).json<Inspection>();
  assert.deepEqual([plain.site, plain.station_id], ['hamburg', null]);
  const named = (await post('operator', board({ station_metadata: { station_id: 'AOI-HH-2' } }))).json<Inspection>();
  assert.equal(named.station_id, 'AOI-HH-2');
  const free = (await post('operator', board({ station_metadata: { station_id: 'AOI-LINE-1', operator: 'john.doe' } }))).json<Inspection>();
  assert.equal(free.station_id, null);
  assert.equal((await post('operator', board({ station_metadata: { station_id: 'AOI-PG-1' } }))).statusCode, 422);
  assert.equal((await post('admin', board())).statusCode, 422);
  const everywhere = (await post('admin', board({ station_metadata: { station_id: 'AOI-PG-1' } }))).json<Inspection>();
  assert.deepEqual([everywhere.site, everywhere.station_id], ['penang', 'AOI-PG-1']);
  assert.equal((await post('auditor', board())).statusCode, 403);
});

test('a pattern of the site goes before the setting', async () => {
  const other = await plant({ after });
  await other.db.pool.query("update masterdata.site set lot_id_pattern = 'LOT-PG\\d+' where code = 'penang'");
  const send = (lot_id: string) =>
    other.app.inject({ method: 'POST', url: '/v1/inspections', headers: bearer('penang'), payload: board({ lot_id }) });
  assert.equal((await send('lot-pg7')).statusCode, 201);
  assert.equal((await send('LOT-2025-001')).statusCode, 422);
  assert.equal((await send('LOT-PG7X')).statusCode, 422);
});

test('patterns are those that people write, and a plant whose lots begin otherwise needs no prefix', async () => {
  for (const [lotIdPattern, lot, other] of [
    [/^LOT-[A-Z0-9-]+$/, 'LOT-A-7', 'LOT_A'],
    [/^LOT-\d+$/, 'LOT-7', 'LOT-X'],
    [/^B\d{6}$/, 'b123456', 'B12345'],
  ] as const) {
    const { app: own } = await plant({ after }, { lotIdPattern });
    const send = (lot_id: string) =>
      own.inject({ method: 'POST', url: '/v1/inspections', headers: bearer('aoi'), payload: board({ lot_id }) });
    assert.equal((await send(lot)).statusCode, 201, lot);
    const refused = await send(other);
    assert.deepEqual([refused.statusCode, refused.json().error.details[0].constraint], [422, 'pattern'], other);
  }
});

test('a hundred parallel requests with one key are one row, and the answers that are not 409 are the same', async () => {
  const body = board({ chip_id: 'ONE-KEY' });
  const answers = await Promise.all(Array.from({ length: 100 }, () => post('aoi', body, { 'idempotency-key': 'k-1' })));
  assert.equal(await count("intake.inspection where chip_id = 'ONE-KEY'"), 1);
  const told = answers.filter(({ statusCode }) => statusCode === 201);
  assert.ok(told.length >= 1);
  for (const { statusCode } of answers) assert.ok(statusCode === 201 || statusCode === 409, String(statusCode));
  assert.equal(new Set(told.map((one) => one.body)).size, 1);
  assert.equal(told[0]?.json<Inspection>().attempt, 1);
  const later = await post('aoi', body, { 'idempotency-key': 'k-1' });
  assert.deepEqual([later.statusCode, later.body, later.headers.location], [201, told[0]?.body, told[0]?.headers.location]);
  assert.equal((await post('aoi', board({ chip_id: 'OTHER' }), { 'idempotency-key': 'k-1' })).statusCode, 422);
  assert.equal((await post('aoi2', body, { 'idempotency-key': 'k-1' })).statusCode, 201, 'a key belongs to its caller');
});

test('parallel inspections of one chip are all stored, each with an attempt of its own, also from two processes', async () => {
  const second = await plant({ after }, {}, first);
  const send = (to: typeof app) =>
    to.inject({ method: 'POST', url: '/v1/inspections', headers: bearer('aoi'), payload: board({ chip_id: 'AGAIN' }) });
  const answers = await Promise.all(Array.from({ length: 60 }, (_, index) => send(index % 3 === 0 ? second.app : app)));
  for (const { statusCode, body } of answers) assert.equal(statusCode, 201, body);
  const attempts = answers.map((one) => one.json<Inspection>().attempt).sort((one, next) => one - next);
  assert.equal(new Set(attempts).size, 60);
  assert.equal(attempts[0], 1);
  assert.equal((await post('aoi', board({ chip_id: 'AGAIN', inspection_type: 'electrical' }))).json<Inspection>().attempt, 1);
});
