import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { drawBoard } from '../support/boards.ts';
import { openFloor, until } from '../support/floor.ts';
import { writeTinyModel } from '../support/tiny-model.ts';

const modelsDir = await mkdtemp(join(tmpdir(), 'cqp-research-'));
after(() => rm(modelsDir, { recursive: true, force: true }));
await writeTinyModel(modelsDir);
await writeTinyModel(modelsDir, { name: 'from-foreign-data', use: 'research' });
const floor = await openFloor({ after }, { modelsDir });
const [good, bad] = [await drawBoard(), await drawBoard({}, { lost: [{ x: 0, y: 16, width: 8, height: 8 }] })];
await floor.assign('LOT-2025-001', { template: good });

test('a model for research runs when it is named, decides nothing, and is not moved to where it would', async () => {
  const id = await floor.create();
  await floor.upload('station', id, 'image', bad);
  await floor.settled(id);
  const before = await floor.inspection(id);
  const asked = await floor.call('station', 'POST', `/v1/inspections/${id}/infer`, { model: 'from-foreign-data' });
  assert.equal(asked.status, 202);
  const done = await until('the run', async () => {
    const { body } = await floor.call('station', 'GET', String(asked.headers.location));
    return ['succeeded', 'failed'].includes(String(body.status)) && body;
  });
  assert.deepEqual([done.status, done.model, done.version], ['succeeded', 'from-foreign-data', 1]);
  await floor.quiet();
  assert.deepEqual(await floor.inspection(id), before);
  for (const stage of ['canary', 'shadow', 'production']) {
    const wish = { stage, reason: 'it is the better one' };
    const { status, body } = await floor.call('engineer', 'POST', '/v1/models/from-foreign-data/versions/1/stage', wish);
    if (stage === 'canary') assert.match(String(body.detail), /Rule research: .*research alone/);
    assert.equal(status, stage === 'shadow' ? 200 : 409, stage);
  }
  const { body } = await floor.call('engineer', 'GET', '/v1/models/from-foreign-data/versions');
  assert.equal((body.data?.[0] as { stage?: string } | undefined)?.stage, 'shadow');
});
