import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { drawBoard } from '../support/boards.ts';
import { openFloor, until } from '../support/floor.ts';
import { type TinyModelOptions, writeTinyModel } from '../support/tiny-model.ts';

const MODEL = 'pcb-pair-synth';
const SIZE = { width: 96, height: 64 };

async function repository(t: TestContext, versions: readonly TinyModelOptions[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cqp-versions-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  for (const one of versions) await writeTinyModel(folder, one);
  return folder;
}
const VERSIONS = [{ version: 1 }, { version: 2, boxReach: 15 }, { version: 10, boxReach: 14 }];
const STAGES = 'select version, stage from inference.model_version order by version';

test('to a new database the newest version of several that judges may come: the older are drafts, and one of them is promoted like any other', async (t) => {
  const modelsDir = await repository(t, [...VERSIONS, { version: 11, use: 'research', boxReach: 13 }]);
  const floor = await openFloor(t, { modelsDir });
  assert.deepEqual(await floor.rows(STAGES), [
    { version: 1, stage: 'draft' },
    { version: 2, stage: 'draft' },
    { version: 10, stage: 'production' },
    { version: 11, stage: 'draft' },
  ]);
  const picture = await drawBoard(SIZE);
  const judge = async (lot_id: string) => {
    await floor.assign(lot_id, { template: picture });
    const id = await floor.create('visual', { lot_id });
    await floor.upload('station', id, 'image', picture);
    await floor.settled(id);
    return (await floor.rows<{ version: number }>('select version from inference.run where inspection_id = $1', [id]))[0]?.version;
  };
  assert.equal(await judge('LOT-2025-001'), 10);
  const to = (stage: string) =>
    floor.call('engineer', 'POST', `/v1/models/${MODEL}/versions/1/stage`, { stage, reason: 'back to the one we know' });
  assert.equal((await to('production')).status, 409, 'nothing comes to production past a canary');
  for (const stage of ['canary', 'production']) assert.equal((await to(stage)).status, 200, stage);
  assert.deepEqual([await judge('LOT-2025-002'), await judge('LOT-2025-001')], [1, 10], 'a lot keeps the version that began it');
});

test('to a database that knows a version newer ones come as drafts', async (t) => {
  const floor = await openFloor(t, { modelsDir: await repository(t, VERSIONS), judging: 1 });
  assert.deepEqual(await floor.rows(STAGES), [
    { version: 1, stage: 'production' },
    { version: 2, stage: 'draft' },
    { version: 10, stage: 'draft' },
  ]);
});

test('a database of the release before goes on with version 1; the 8-bit version passes its golden gate, is the canary and is promoted, and a rollback brings version 1 back', async (t) => {
  const floor = await openFloor(t, { modelsDir: fileURLToPath(new URL('../../models', import.meta.url)), judging: 1 });
  const stages = async () =>
    (await floor.rows<{ stage: string }>(`select stage from inference.model_version where model = $1 order by version`, [MODEL])).map(
      ({ stage }) => stage,
    );
  assert.deepEqual(await stages(), ['production', 'draft']);
  const ask = (path: string, body: object) =>
    floor.call('engineer', 'POST', `/v1/models/${MODEL}/${path}`, { reason: 'half the processor time', ...body });
  await until('the models', async () => (await floor.call('engineer', 'GET', `/v1/models/${MODEL}/versions/2`)).body.ready === true);
  for (const stage of ['canary', 'production']) assert.equal((await ask('versions/2/stage', { stage })).status, 200, stage);
  assert.deepEqual(await stages(), ['retired', 'production']);
  assert.equal((await ask('rollback', {})).status, 200);
  assert.deepEqual(await stages(), ['production', 'retired']);
});
