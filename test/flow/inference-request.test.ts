import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { PlatformEvent } from '../../src/contracts/events.ts';
import { drawBoard } from '../support/boards.ts';
import { openFloor, until, type Who } from '../support/floor.ts';

const floor = await openFloor({ after });
const [good, bad] = [await drawBoard(), await drawBoard({}, { lost: [{ x: 0, y: 16, width: 8, height: 8 }] })];
/** 28 of 64 pixels of a cell: 0.4375, within the band below 0.5. */
const unsure = await drawBoard({}, { lost: [{ x: 0, y: 16, width: 7, height: 4 }] });
await floor.assign('LOT-2025-001', { template: good });

async function judged(picture: Buffer): Promise<string> {
  const id = await floor.create();
  await floor.upload('station', id, 'image', picture);
  await floor.settled(id);
  return id;
}
const infer = (who: Who, id: string, body?: unknown, headers = {}) => floor.call(who, 'POST', `/v1/inspections/${id}/infer`, body, headers);

async function operation(who: Who, location: unknown): Promise<Record<string, unknown>> {
  return await until('the operation', async () => {
    const { status, body } = await floor.call(who, 'GET', String(location));
    assert.equal(status, 200);
    return ['succeeded', 'failed'].includes(String(body.status)) && body;
  });
}

test('a run on a judged inspection is recorded and changes nothing of it', async () => {
  const id = await judged(bad);
  const before = await floor.inspection(id);
  const { status, body, headers } = await infer('station', id);
  assert.deepEqual([status, body.status], [202, 'queued']);
  assert.equal(headers.location, `/v1/operations/${body.operation_id}`);
  const done = await operation('station', headers.location);
  assert.deepEqual(
    [done.status, done.progress, done.model, done.version, done.inspection_id, done.result],
    ['succeeded', 1, 'pcb-pair-synth', 1, id, `/v1/inspections/${id}?include=inference,defects`],
  );
  await floor.quiet();
  assert.deepEqual(await floor.inspection(id), before);
  assert.equal((await floor.events('inspection.judged', id)).length, 1);
  const runs = await floor.rows('select operation_id from inference.run where inspection_id = $1', [id]);
  assert.equal(runs.length, 2);
});

test('an operation is seen by its maker alone', async () => {
  const id = await judged(good);
  const { headers } = await infer('engineer', id, {});
  await operation('engineer', headers.location);
  assert.match(String((await floor.call('engineer', 'GET', String(headers.location))).headers.etag), /^"\d+"$/);
  for (const who of ['station', 'operator', 'auditor', 'manager', 'foreigner', 'admin'] as const)
    assert.equal((await floor.call(who, 'GET', String(headers.location))).status, 404, who);
  assert.equal((await floor.call('engineer', 'GET', '/v1/operations/nonsense')).status, 404);
});

test('a run is asked for of the inspection that was seen: If-Match', async () => {
  const id = await judged(good);
  const { version } = await floor.inspection(id);
  const stale = await infer('station', id, {}, { 'if-match': `"${version - 1}"` });
  assert.deepEqual([stale.status, stale.headers.etag], [412, `"${version}"`]);
  assert.equal((await floor.rows('select from inference.job where inspection_id = $1', [id])).length, 1);
  assert.equal((await infer('station', id, {}, { 'if-match': `"${version}"` })).status, 202);
  const electrical = await floor.create('electrical');
  assert.equal((await infer('station', electrical, {}, { 'if-match': '"9"' })).status, 412, 'before what it is');
});

test('asked for right after the upload, before the automatic run: the inspection is judged once', async () => {
  for (let round = 0; round < 5; round += 1) {
    const id = await floor.create();
    await floor.upload('station', id, 'image', bad);
    const { status, headers } = await infer('station', id, {});
    assert.equal(status, 202);
    await operation('station', headers.location);
    await floor.settled(id);
    await floor.quiet();
    assert.equal((await floor.events('inspection.judged', id)).length, 1);
    assert.equal((await floor.rows('select id from disposition.defect where inspection_id = $1', [id])).length, 1);
  }
});

test('a waiting inspection may be looked at again: the run decides, and earlier proposals make way', async () => {
  const id = await judged(unsure);
  assert.equal((await floor.inspection(id)).reason, 'uncertain');
  await floor.upload('station', id, 'image', bad);
  const { headers } = await infer('engineer', id, {});
  await operation('engineer', headers.location);
  assert.equal((await floor.settled(id)).verdict, 'fail');
  const states = await floor.rows<{ state: string }>('select state from disposition.defect where inspection_id = $1 order by id', [id]);
  assert.deepEqual(
    states.map(({ state }) => state),
    ['rejected', 'proposed'],
  );
});

test('a defect that a person confirmed on a waiting board fails it, whatever a run says that came after', async () => {
  const half = (x: number, y: number) => ({ x, y, width: 7, height: 4 });
  const twice = await drawBoard({}, { lost: [half(0, 16), half(32, 48)] });
  for (const next of [good, unsure]) {
    const id = await judged(twice);
    const { body } = await floor.call('engineer', 'GET', `/v1/inspections/${id}/defects`);
    assert.equal(body.data?.length, 2);
    assert.equal((await floor.call('engineer', 'POST', `/v1/defects/${body.data?.[0]?.id}/review`, { decision: 'confirm' })).status, 200);
    assert.equal((await floor.inspection(id)).status, 'awaiting_review');
    await floor.upload('station', id, 'image', next);
    const { headers } = await infer('station', id, {});
    await operation('station', headers.location);
    const { status, verdict, reason } = await floor.settled(id);
    assert.deepEqual([status, verdict], ['completed', 'fail']);
    assert.match(reason ?? '', /^1 open confirmed in review; standard 1$/);
    await floor.quiet();
    const [told] = await floor.events('inspection.judged', id);
    const { by, worst_severity } = (told as PlatformEvent<'inspection.judged'>).payload;
    assert.deepEqual([by, worst_severity], ['person', 'critical']);
  }
});

test('a version that is not in production is recorded only', async () => {
  const id = await floor.create('visual', { lot_id: 'LOT-2025-009' });
  await floor.upload('station', id, 'reference', good);
  await floor.rows(`update inference.model_version set stage = 'shadow'`);
  try {
    await floor.upload('station', id, 'image', bad);
    await until('the automatic run', async () => (await floor.inspection(id)).status === 'in_progress');
    const { status, headers } = await infer('engineer', id, { model: 'pcb-pair-synth', version: 1 });
    assert.equal(status, 202);
    await operation('engineer', headers.location);
    assert.equal((await floor.inspection(id)).status, 'in_progress', 'the shadow run has judged nothing');
  } finally {
    await floor.rows(`update inference.model_version set stage = 'production'`);
  }
  assert.equal((await floor.settled(id)).verdict, 'fail');
});

test('what cannot be asked for is refused in words', async () => {
  const electrical = await floor.create('electrical');
  const bare = await floor.create('visual', { lot_id: 'LOT-2025-008' });
  const whole = await judged(good);
  const refused = async (who: Who, id: string, body?: unknown) => {
    const { status, body: problem } = await infer(who, id, body);
    const { error, detail } = problem as { error?: { code: string; details: { field: string }[] }; detail?: string };
    return [status, error?.code, error?.details[0]?.field ?? detail];
  };
  assert.deepEqual(await refused('station', electrical), [
    409,
    'transition_not_allowed',
    'A model looks at visual inspections, this one is electrical',
  ]);
  assert.match(String((await refused('station', bare))[2]), /lacks an image and a golden template/);
  assert.deepEqual((await refused('station', bare)).slice(0, 2), [409, 'transition_not_allowed']);
  assert.deepEqual(await refused('station', whole, { model: 'nobody' }), [422, 'validation_error', 'body -> model']);
  assert.deepEqual(await refused('station', whole, { version: 9 }), [422, 'validation_error', 'body -> version']);
  assert.deepEqual(await refused('station', whole, { version: 3_000_000_000 }), [422, 'validation_error', 'body -> version']);
  assert.deepEqual(await refused('station', whole, { speed: 1 }), [422, 'validation_error', 'body -> speed']);
  assert.deepEqual(await refused('station', whole, { version: '1' }), [422, 'validation_error', 'body -> version']);
  for (const who of ['neighbour', 'stranger', 'foreigner'] as const) assert.equal((await refused(who, whole))[0], 404, who);
  assert.equal((await refused('station', 'nonsense'))[0], 404);
  assert.equal((await refused('operator', whole))[0], 403);
});

test('the same Idempotency-Key is the same operation', async () => {
  const id = await judged(good);
  const headers = { 'idempotency-key': 'once' };
  const [first, again] = [await infer('station', id, {}, headers), await infer('station', id, {}, headers)];
  assert.deepEqual([again.status, again.body, again.headers.location], [202, first.body, first.headers.location]);
  assert.equal((await infer('station', id, { version: 1 }, headers)).status, 422);
});

test('the registry shows what runs, with its measured accuracy; pages and files of it', async () => {
  const { body } = await floor.call('engineer', 'GET', '/v1/models');
  assert.deepEqual(body.data, [
    {
      name: 'pcb-pair-synth',
      production_version: 1,
      canary_version: null,
      shadow_version: null,
      versions: 1,
      runtime: 'onnxruntime-node 1.30.0 cpu',
      ready: true,
    },
  ]);
  const versions = await floor.call('engineer', 'GET', '/v1/models/pcb-pair-synth/versions?limit=1');
  const [version] = versions.body.data as [Record<string, unknown>];
  assert.deepEqual([version.version, version.stage, version.calibration], [1, 'production', { a: 1, b: 0 }]);
  assert.equal((await floor.call('engineer', 'GET', '/v1/models/nobody/versions')).status, 404);
  assert.equal((await floor.call('station', 'GET', '/v1/models')).status, 403);
  assert.equal((await floor.call('engineer', 'GET', '/v1/models?cursor=x')).status, 422);
  const file = await floor.call('engineer', 'GET', '/v1/models', undefined, { accept: 'text/csv' });
  assert.match(String(file.body.text), /^name,production_version.*\r\npcb-pair-synth,1,1/);
});
