import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import sharp from 'sharp';
import type { Artifact } from '../../src/contracts/artifacts.ts';
import type { Inspection } from '../../src/contracts/inspections.ts';
import type { Problem } from '../../src/contracts/problems.ts';
import { expirePictures } from '../../src/intake/expire-pictures.ts';
import { sweepInputs } from '../../src/intake/sweep-inputs.ts';
import type { IntakeTables } from '../../src/intake/tables.ts';
import { reads } from '../../src/platform/db/database.ts';
import { bearer, board, plant } from './intake.app.ts';

const { app, db, door, blobs, metrics, files } = await plant({ after });

const call = (url: string, payload: unknown, headers: Record<string, string> = {}, token = 'aoi') =>
  app.inject({
    method: 'POST',
    url,
    headers: { ...bearer(token), ...headers },
    ...(payload === undefined ? {} : { payload: payload as object }),
  });
async function make(more: Record<string, unknown> = {}): Promise<Inspection> {
  const answer = await call('/v1/inspections', board(more));
  assert.equal(answer.statusCode, 201, answer.body);
  return answer.json<Inspection>();
}
const now = async (id: string) =>
  (await app.inject({ url: `/v1/inspections/${id}?include=measurements`, headers: bearer('operator') })).json<Inspection>();
const eventsOf = async (id: string): Promise<string[]> =>
  (
    await db.pool.query(
      "select event->>'event_type' as type from platform.outbox where event->'payload'->>'inspection_id' = $1 order by seq",
      [id],
    )
  ).rows.map(({ type }) => type);

test('start and cancel follow the state machine; each is an event and an audit entry with old and new', async () => {
  const one = await make();
  const started = await call(`/v1/inspections/${one.id}/start`, undefined);
  assert.equal(started.statusCode, 200, started.body);
  assert.deepEqual(
    [started.json<Inspection>().status, started.json<Inspection>().version, started.headers.etag],
    ['in_progress', 2, '"2"'],
  );
  assert.equal((await call(`/v1/inspections/${one.id}/start`, {})).statusCode, 409);
  assert.equal((await call(`/v1/inspections/${one.id}/start`, { force: true })).statusCode, 422);
  assert.equal((await call(`/v1/inspections/${one.id}/cancel`, {})).statusCode, 422);
  assert.equal((await call(`/v1/inspections/${one.id}/cancel`, { reason: '  ' })).statusCode, 422);
  const stale = await call(`/v1/inspections/${one.id}/cancel`, { reason: 'scrapped' }, { 'if-match': '"1"' });
  assert.deepEqual([stale.statusCode, stale.headers.etag], [412, '"2"']);
  const cancelled = await call(`/v1/inspections/${one.id}/cancel`, { reason: 'scrapped' }, { 'if-match': '"2"' });
  assert.deepEqual([cancelled.json<Inspection>().status, cancelled.json<Inspection>().reason], ['cancelled', 'scrapped']);
  assert.equal((await call(`/v1/inspections/${one.id}/cancel`, { reason: 'again' })).statusCode, 409);
  assert.equal((await call(`/v1/inspections/${one.id}/start`, undefined, {}, 'aoi2')).statusCode, 404);
  assert.deepEqual(await eventsOf(one.id), ['inspection.created', 'inspection.started', 'inspection.cancelled']);
  const { rows } = await db.pool.query(
    "select old, new, reason from platform.audit where object_id = $1 and action = 'inspection.cancelled'",
    [one.id],
  );
  assert.deepEqual([rows[0].old.status, rows[0].new.status, rows[0].reason], ['in_progress', 'cancelled', 'scrapped']);
  const late = await app.inject({
    method: 'POST',
    url: `/v1/inspections/${one.id}/artifacts?kind=image`,
    headers: { ...bearer('aoi'), 'content-type': 'image/png' },
    payload: 'x',
  });
  assert.equal(late.statusCode, 409);
});

test('what waits for a person is not started: nobody would be asked about it any more', async () => {
  for (const token of ['aoi', 'operator']) {
    const one = await make();
    await db.pool.query("select from intake.move_inspection($1, 'awaiting_review', null, 'uncertain')", [one.id]);
    const answer = await call(`/v1/inspections/${one.id}/start`, {}, {}, token);
    assert.deepEqual([answer.statusCode, answer.json<Problem>().error.code], [409, 'transition_not_allowed']);
    assert.deepEqual([(await now(one.id)).status, (await now(one.id)).reason], ['awaiting_review', 'uncertain']);
  }
});

test('fifty cancel at once: one does', async () => {
  const one = await make();
  const answers = await Promise.all(Array.from({ length: 50 }, () => call(`/v1/inspections/${one.id}/cancel`, { reason: 'race' })));
  assert.equal(answers.filter(({ statusCode }) => statusCode === 200).length, 1);
  assert.equal(answers.filter(({ statusCode }) => statusCode === 409).length, 49);
  assert.equal((await now(one.id)).version, 2);
});

test('measurements are kept with their limits until disposition judges them; limits that no value meets are refused', async () => {
  const one = await make({ inspection_type: 'electrical' });
  const url = `/v1/inspections/${one.id}/measurements`;
  const good = await call(url, [
    { characteristic: 'resistance', value: 10.25, unit: 'Ohm', lsl: 9, usl: 11 },
    { characteristic: 'width', value: -1e-9, unit: 'mm', target: null },
  ]);
  assert.equal(good.statusCode, 201, good.body);
  const { data } = good.json<{ data: NonNullable<Inspection['measurements']> }>();
  assert.deepEqual([data[0]?.value, data[0]?.lsl, data[1]?.lsl, data[0]?.in_limits], [10.25, 9, null, null]);
  assert.deepEqual((await now(one.id)).measurements, data);
  assert.deepEqual(await eventsOf(one.id), ['inspection.created', 'measurements.recorded']);
  const { rows: twice } = await db.pool.query(
    `select (event -> 'aggregate')::text as record from platform.outbox where event -> 'payload' ->> 'inspection_id' = $1
     group by 1 having count(*) > 1`,
    [one.id],
  );
  assert.deepEqual(twice, [], 'no two events tell of one version of a record');
  const crossed = await call(url, [{ characteristic: 'a', value: 1, unit: 'V', lsl: 2, usl: 1 }]);
  assert.deepEqual([crossed.statusCode, crossed.json<Problem>().error.details[0]?.field], [422, 'body -> 0 -> lsl']);
  for (const body of [
    [],
    {},
    [{ characteristic: 'a', value: '1', unit: 'V' }],
    [{ characteristic: 'a', value: 1 }],
    [{ characteristic: 'a', value: 1, unit: 'V', x: 1 }],
  ])
    assert.equal((await call(url, body)).statusCode, 422, JSON.stringify(body));
  assert.equal((await call(url, [{ characteristic: 'a', value: 1, unit: 'V' }], {}, 'aoi2')).statusCode, 404);
  await call(`/v1/inspections/${one.id}/cancel`, { reason: 'no' });
  assert.equal((await call(url, [{ characteristic: 'a', value: 1, unit: 'V' }])).statusCode, 409);
});

test('inspections whose inputs do not come wait for a person, once, from however many processes', async () => {
  const silent = await make({ chip_id: 'SILENT' });
  const begun = await make({ chip_id: 'BEGUN', inspection_type: 'dimensional' });
  await call(`/v1/inspections/${begun.id}/start`, undefined);
  const measured = await make({ chip_id: 'MEASURED', inspection_type: 'electrical' });
  await call(`/v1/inspections/${measured.id}/measurements`, [{ characteristic: 'a', value: 1, unit: 'V' }]);
  const settings = { inputTimeoutMs: 60_000 } as never;
  assert.equal(await sweepInputs({ door, metrics, settings }), 0, 'nothing is old enough');
  const later = Date.now() + 61_000;
  const moved = await Promise.all([1, 2, 3].map(() => sweepInputs({ door, metrics, settings }, later)));
  assert.ok(moved.reduce((sum, count) => sum + count, 0) >= 2);
  for (const { id } of [silent, begun]) {
    const row = await now(id);
    assert.deepEqual([row.status, row.reason, row.verdict], ['awaiting_review', 'input_timeout', null]);
    assert.equal((await eventsOf(id)).filter((type) => type === 'inspection.waiting').length, 1);
  }
  assert.equal((await now(measured.id)).status, 'pending');
  assert.equal(await sweepInputs({ door, metrics, settings }, later), 0);
});

test('simulated pictures over the quota go, oldest first; rows, shared bytes, real evidence and what a model still needs stay', async () => {
  const png = () =>
    sharp(randomBytes(60 * 60 * 3), { raw: { width: 60, height: 60, channels: 3 } })
      .png()
      .toBuffer();
  const put = async (id: string, payload: Buffer, kind = 'image') =>
    (
      await app.inject({
        method: 'POST',
        url: `/v1/inspections/${id}/artifacts?kind=${kind}`,
        headers: { ...bearer('aoi'), 'content-type': 'image/png' },
        payload,
      })
    ).json<Artifact>();
  const demo = (chip_id: string) => make({ chip_id, station_metadata: { simulated: true } });
  const real = await make({ chip_id: 'QUOTA-REAL' });
  const evidence = await put(real.id, await png());
  const shared = await png();
  const [first, second, open] = [await demo('QUOTA-1'), await demo('QUOTA-2'), await demo('QUOTA-3')];
  const oldest = await put(first.id, await png());
  const sharedOld = await put(first.id, shared, 'reference');
  const newer = await put(second.id, await png());
  const kept = await put(open.id, await png());
  const sharedOpen = await put(open.id, shared, 'reference');
  for (const { id } of [real, first, second]) await call(`/v1/inspections/${id}/cancel`, { reason: 'done' });
  const deps = { door, blobs, reads: reads<IntakeTables>(db) };
  const total = oldest.size + newer.size + kept.size + shared.length;
  assert.equal(await expirePictures(deps, total), 0);
  assert.equal(await expirePictures(deps, total - 1), 1);
  const read = async (id: string) => (await app.inject({ url: `/v1/artifacts/${id}`, headers: bearer('operator') })).json<Artifact>();
  assert.deepEqual([(await read(oldest.id)).expired, (await read(newer.id)).expired], [true, false]);
  const gone = await app.inject({ url: `/v1/artifacts/${oldest.id}/content`, headers: bearer('operator') });
  assert.equal(gone.statusCode, 404);
  assert.match(gone.json<Problem>().detail, /retention/);
  await expirePictures(deps, 0);
  assert.deepEqual(
    [(await read(newer.id)).expired, (await read(kept.id)).expired, (await read(sharedOpen.id)).expired],
    [true, false, false],
  );
  assert.equal((await read(sharedOld.id)).expired, false);
  assert.deepEqual((await files()).toSorted(), [evidence.sha256, kept.sha256, sharedOpen.sha256].toSorted());
});
