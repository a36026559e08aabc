import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { PlatformEvent } from '../../src/contracts/events.ts';
import type { Blobs } from '../../src/platform/blob/blobs.ts';
import { openDiskBlobs } from '../../src/platform/blob/disk.ts';
import { drawBoard } from '../support/boards.ts';
import { openFloor, until } from '../support/floor.ts';

const floor = await openFloor({ after });
const LOST = { lost: [{ x: 0, y: 16, width: 8, height: 8 }] };
const [good, bad] = [await drawBoard(), await drawBoard({}, LOST)];
/** Its header is whole, its pixels are not. */
const broken = good.subarray(0, good.length - 30);

test('an image and a template become a verdict, in either order, with provenance and one event and audit entry of each kind', async () => {
  const lot_id = 'LOT-2025-001';
  const first = await floor.create('visual', { lot_id });
  await floor.upload('station', first, 'image', bad);
  await floor.quiet();
  assert.equal((await floor.inspection(first)).status, 'pending');
  await floor.assign(lot_id, { template: good });
  const judged = await floor.settled(first);
  assert.deepEqual([judged.status, judged.verdict, judged.reason], ['completed', 'fail', '1 open over their thresholds; standard 1']);

  const second = await floor.create('visual', { lot_id });
  await floor.upload('station', second, 'image', good);
  const passed = await floor.settled(second);
  assert.deepEqual([passed.verdict, passed.reason], ['pass', 'no defect over its threshold; standard 1']);
  await floor.quiet();
  for (const type of ['inspection.started', 'inference.requested', 'inference.completed', 'inspection.judged'])
    assert.equal((await floor.events(type, first)).length, 1, type);

  const { body } = await floor.call('station', 'GET', `/v1/inspections/${first}/defects`);
  const [defect] = body.data as [Record<string, unknown>];
  assert.deepEqual([defect.class, defect.severity, defect.state, defect.source], ['open', 'critical', 'proposed', 'model']);
  assert.deepEqual(defect.box, { x: 0, y: 4, width: 20, height: 32 });

  const shown = await floor.call('station', 'GET', `/v1/inspections/${first}?include=inference,defects`);
  const [run] = shown.body.inference as [Record<string, unknown>];
  assert.match(String(run.runtime), /^onnxruntime-node 1\.30/);
  assert.equal(run.operation_id, defect.operation_id);
  assert.deepEqual(Object.keys(run.timings_ms as object).sort(), ['decode', 'infer', 'postprocess', 'queued', 'total']);
  assert.deepEqual(Object.keys(run.features as object).sort(), [
    'copper_fraction',
    'lengthened',
    'residual',
    'sharpness',
    'shift',
    'stretch',
  ]);
  assert.match(
    await floor.metrics.render().then(({ text }) => text),
    /ml_inference_duration_seconds_count\{[^}]*model_name="pcb-pair-synth"[^}]*\} [1-9]/,
  );
});

test('without a template of the lot a posted reference counts, before or after the image', async () => {
  for (const kinds of [
    ['image', 'reference'],
    ['reference', 'image'],
  ]) {
    const id = await floor.create('visual', { lot_id: 'LOT-2025-002' });
    for (const kind of kinds) await floor.upload('station', id, kind, kind === 'image' ? bad : good);
    assert.equal((await floor.settled(id)).verdict, 'fail', kinds.join());
  }
});

test('a picture that does not decode waits for a person, and a better one that comes later is judged', async () => {
  const id = await floor.create('visual', { lot_id: 'LOT-2025-001' });
  assert.equal((await floor.upload('station', id, 'image', broken)).status, 201);
  const waiting = await floor.settled(id);
  assert.deepEqual([waiting.status, waiting.verdict, waiting.reason], ['awaiting_review', null, 'unreadable_image']);
  await floor.upload('station', id, 'image', good);
  const judged = await until('verdict', async () => {
    const inspection = await floor.inspection(id);
    return inspection.status === 'completed' && inspection;
  });
  assert.equal(judged.verdict, 'pass');
  assert.equal((await floor.events('inspection.waiting', id)).length, 1);
});

test('a reference that does not decode, or has another size, waits for a person', async () => {
  const unreadable = await floor.create('visual', { lot_id: 'LOT-2025-002' });
  await floor.upload('station', unreadable, 'reference', broken);
  assert.equal((await floor.settled(unreadable)).reason, 'unreadable_reference');
  const other = await floor.create('visual', { lot_id: 'LOT-2025-002' });
  await floor.upload('station', other, 'reference', await drawBoard({ width: 72 }));
  await floor.upload('station', other, 'image', good);
  const waiting = await floor.settled(other);
  assert.deepEqual([waiting.status, waiting.reason], ['awaiting_review', 'size_mismatch']);
  assert.equal((await floor.events('inference.failed', other)).length, 1);
});

test('started by hand before its picture, or given up waiting for it: the model judges when the picture comes', async () => {
  const started = await floor.create('visual', { lot_id: 'LOT-2025-001' });
  assert.equal((await floor.call('station', 'POST', `/v1/inspections/${started}/start`, {})).status, 200);
  await floor.upload('station', started, 'image', bad);
  assert.equal((await floor.settled(started)).verdict, 'fail');
  const late = await floor.create('visual', { lot_id: 'LOT-2025-001' });
  await floor.rows(`select from intake.move_inspection($1, 'awaiting_review', null, 'input_timeout')`, [late]);
  await floor.upload('station', late, 'image', good);
  const judged = await until('verdict', async () => {
    const inspection = await floor.inspection(late);
    return inspection.status === 'completed' && inspection;
  });
  assert.equal(judged.verdict, 'pass');
});

test('a lot that gets its template starts all that waited, once each, however often it is assigned', async () => {
  const lot_id = 'LOT-2025-003';
  const ids = [];
  for (let count = 0; count < 60; count += 1) ids.push(await floor.create('visual', { lot_id }));
  await floor.upload('station', ids[0] as string, 'image', good);
  await floor.rows(
    `insert into intake.artifact select gen_random_uuid(), i.id, a.kind, a.content_type, a.size, a.sha256, a.filename, a.width, a.height, a.readable, 's', now()
       from intake.inspection i, intake.artifact a where a.inspection_id = $1 and i.lot_id = $2 and i.id <> $1`,
    [ids[0], lot_id],
  );
  await floor.assign(lot_id, { template: good });
  await floor.assign(lot_id, { template: good });
  await floor.quiet();
  const [runs] = await floor.rows<{ n: number; verdicts: number }>(
    `select (select count(*)::int from inference.run where inspection_id = any($1)) as n,
            (select count(*)::int from disposition.judgement where inspection_id = any($1)) as verdicts`,
    [ids],
  );
  assert.deepEqual(runs, { n: 60, verdicts: 60 });
});

test('a second picture while a run is queued starts no other and troubles nobody', async () => {
  await floor.rows(`update inference.model_version set stage = 'shadow'`);
  const id = await floor.create('visual', { lot_id: 'LOT-2025-001' });
  await floor.upload('station', id, 'image', bad);
  const jobs = () => floor.rows('select from inference.job where inspection_id = $1', [id]);
  await until('its run to be queued', async () => (await jobs()).length === 1);
  await floor.upload('station', id, 'image', good);
  await until('both to be seen', async () => (await floor.bus.lag()).every(({ events }) => events === 0));
  await floor.rows(`update inference.model_version set stage = 'production'`);
  assert.equal((await floor.settled(id)).verdict, 'fail', 'the picture that started the run is the one that is judged');
  assert.equal((await jobs()).length, 1);
  assert.deepEqual(await floor.bus.parked(), []);
});

test('the bytes of a picture that are gone are said in words, and a person must look', async () => {
  const id = await floor.create('visual', { lot_id: 'LOT-2025-001' });
  const odd = await drawBoard({ width: 64, height: 64 }, { gained: [{ x: 17, y: 3, width: 1, height: 1 }] });
  await floor.rows(
    `insert into intake.artifact values (gen_random_uuid(), $1, 'image', 'image/png', $2, repeat('ab', 32), null, 64, 64, true, 's', now())`,
    [id, odd.length],
  );
  await floor.upload('station', id, 'reference', good);
  const waiting = await floor.settled(id);
  assert.deepEqual([waiting.status, waiting.reason], ['awaiting_review', 'model_failed']);
  const [failed] = await floor.events('inference.failed', id);
  assert.match((failed as PlatformEvent<'inference.failed'>).payload.detail, /bytes of the image are no longer kept/);
});

test('bytes that are not those of their hash are judged by no model: a person must look', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'cqp-damaged-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const disk = await openDiskBlobs({ folder, minFreePercent: 0 });
  const shaOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
  const swapped: Blobs = { ...disk, read: (sha256, range) => disk.read(sha256 === shaOf(bad) ? shaOf(good) : sha256, range) };
  const damaged = await openFloor(t, { blobs: swapped });
  await damaged.assign('LOT-2025-001', { template: good });
  const id = await damaged.create('visual', { lot_id: 'LOT-2025-001' });
  await damaged.upload('station', id, 'image', bad);
  const waiting = await damaged.settled(id);
  assert.deepEqual([waiting.status, waiting.verdict, waiting.reason], ['awaiting_review', null, 'model_failed']);
  const [failed] = await damaged.events('inference.failed', id);
  assert.match((failed as PlatformEvent<'inference.failed'>).payload.detail, /bytes of the image are damaged/);
});

test('an inspection that is cancelled before its run ends gets no verdict and no defects; the run is kept', async () => {
  const id = await floor.create('visual', { lot_id: 'LOT-2025-001' });
  await floor.rows(`update inference.model_version set stage = 'shadow'`);
  await floor.upload('station', id, 'image', bad);
  await until('the run', async () => (await floor.events('inference.requested', id)).length === 1);
  assert.equal((await floor.call('station', 'POST', `/v1/inspections/${id}/cancel`, { reason: 'dropped' })).status, 200);
  await floor.rows(`update inference.model_version set stage = 'production'`);
  await until('the run', async () => (await floor.events('inference.completed', id)).length === 1);
  await floor.quiet();
  const cancelled = await floor.inspection(id);
  assert.deepEqual([cancelled.status, cancelled.verdict], ['cancelled', null]);
  assert.deepEqual(await floor.rows('select id from disposition.defect where inspection_id = $1', [id]), []);
});
