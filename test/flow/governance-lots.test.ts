import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { claimJob } from '../../src/inference/jobs.ts';
import { moveVersion } from '../../src/inference/models/move-version.ts';
import { registerModel, systemCause } from '../../src/inference/models/registry.ts';
import { readRepository } from '../../src/inference/models/repository.ts';
import { drawBoard } from '../support/boards.ts';
import { openFloor, SITE, until } from '../support/floor.ts';
import { writeTinyModel } from '../support/tiny-model.ts';

const MODEL = 'pcb-pair-synth';
/** A process that runs no models: what is claimed here is claimed by the tests. */
const floor = await openFloor({ after }, { inference: true, model: false });
await writeTinyModel(floor.modelsDir, { version: 1 });
await writeTinyModel(floor.modelsDir, { version: 2, boxReach: 15 });
const { models } = await readRepository(floor.modelsDir);
for (const model of models) await registerModel(floor.door, model);
const READY = [1, 2].map((version) => ({ model: MODEL, version }));
const picture = await drawBoard();

/** Boards of lots that nobody has judged, queued; answers the lots. */
/** What was claimed stays claimed, however long the file takes. */
const keep = () => floor.rows(`update inference.job set leased_until = now() + interval '4 minutes' where state = 'running'`);
async function queued(from: number, lots: number, boards: number): Promise<string[]> {
  const names = Array.from({ length: lots }, (_, at) => `LOT-2025-${from + at}`);
  for (const lot_id of names) {
    await floor.assign(lot_id, { template: picture });
    for (let board = 0; board < boards; board += 1)
      await floor.upload('station', await floor.create('visual', { lot_id }), 'image', picture);
  }
  await until('the queue', async () => {
    const [row] = await floor.rows<{ n: number }>('select count(*)::int as n from inference.job where lot_id = any($1)', [names]);
    return row?.n === lots * boards;
  });
  await keep();
  return names;
}
const canary = (percent: number | null) =>
  floor.rows(`update inference.model_version set stage = $1, canary_percent = $2, withdrawn = false where version = 2`, [
    percent === null ? 'draft' : 'canary',
    percent,
  ]);
const judges = (lots: readonly string[]) =>
  floor.rows<{ lot_id: string; versions: number[] }>(
    'select lot_id, array_agg(distinct version) as versions from inference.job where lot_id = any($1) group by lot_id order by lot_id',
    [lots],
  );

test('of the boards of a lot that many claim at once, while the canary comes, goes and changes its share, all have one version', async () => {
  const lots = await queued(100, 16, 6);
  // Boards of a lot lie among those of others, so that the canary changes between them.
  await floor.rows(`update inference.job set turn = now() - random() * interval '1 hour'`);
  // Gone as one that was promoted, followed and made a draft again: not withdrawn, so that it keeps what it began.
  const steps = [50, null, 49, 25, null, 1, 50];
  let left = true;
  const changing = (async () => {
    for (let at = 0; left; at += 1) await canary(steps[at % steps.length] ?? null);
  })();
  const claimed = await Promise.all(
    Array.from({ length: 12 }, async (_, worker) => {
      let count = 0;
      while (await claimJob(floor.db, `worker-${worker}`, READY, MODEL)) count += 1;
      return count;
    }),
  );
  left = false;
  await changing;
  assert.equal(
    claimed.reduce((total, count) => total + count, 0),
    16 * 6,
  );
  const found = await judges(lots);
  assert.equal(found.length, 16);
  for (const { lot_id, versions } of found) assert.equal(versions.length, 1, `${lot_id} has ${versions}`);
  const kept = await floor.rows<{ lot_id: string; version: number }>('select lot_id, version from inference.lot_model order by lot_id');
  assert.deepEqual(
    kept.map(({ version }) => [version]),
    found.map(({ versions }) => versions),
  );
});

test('a lot goes to the canary when its share lies below the percent, and which lots those are never changes', async () => {
  const lots = await queued(300, 12, 1);
  await canary(50);
  while (await claimJob(floor.db, 'one', READY, MODEL)) {
    // Until none is left.
  }
  const shares = await floor.rows<{ lot_id: string; share: number }>(
    'select lot_id, inference.lot_share($1, lot_id) as share from unnest($2::text[]) lot_id order by lot_id',
    [SITE, lots],
  );
  assert.deepEqual(
    (await judges(lots)).map(({ lot_id, versions }) => [lot_id, versions[0]]),
    shares.map(({ lot_id, share }) => [lot_id, share < 50 ? 2 : 1]),
  );
  // Of SHA-256, so the same on every server and version: what these were when they were first written down.
  assert.deepEqual(
    await floor.rows(`select inference.lot_share('hamburg', 'LOT-2025-001') as a, inference.lot_share('penang', 'LOT-2025-001') as b`),
    [{ a: 66, b: 86 }],
  );
});

test('a lot whose version is taken back, or whose bytes are gone, goes on with production; one that was only followed keeps it', async () => {
  await queued(400, 12, 1);
  await canary(50);
  while (await claimJob(floor.db, 'one', READY, MODEL)) {
    // Until none is left.
  }
  const [mine] = await floor.rows<{ lot_id: string }>(
    `select lot_id from inference.lot_model where version = 2 and lot_id >= 'LOT-2025-400' limit 1`,
  );
  assert.ok(mine);
  const next = async (held?: number[]) => {
    await floor.upload('station', await floor.create('visual', { lot_id: mine.lot_id }), 'image', picture);
    await keep();
    return await until('the claim', async () => await claimJob(floor.db, 'one', READY, MODEL, held));
  };
  assert.deepEqual([(await next()).version, (await next()).role], [2, 'canary']);
  assert.equal((await next([1])).version, 1, 'the bytes of 2 are not here');
  await floor.rows(`update inference.lot_model set version = 2 where lot_id = $1`, [mine.lot_id]);
  await floor.rows(`update inference.model_version set stage = 'retired', canary_percent = null where version = 2`);
  assert.deepEqual([(await next()).version, (await next()).role], [2, 'production']);
  await floor.rows(`update inference.model_version set withdrawn = true where version = 2`);
  assert.equal((await next()).version, 1);
  const moved = await floor.rows('select version, moved_from from inference.lot_model where lot_id = $1', [mine.lot_id]);
  assert.deepEqual(moved, [{ version: 1, moved_from: 2 }]);
  await canary(50);
  assert.equal((await next()).version, 1, 'it does not come back to the canary');
});

test('a version that was only followed keeps its lots when it is tried again as the shadow, and as a draft', async () => {
  await queued(500, 12, 1);
  await canary(50);
  while (await claimJob(floor.db, 'one', READY, MODEL)) {
    // Until none is left.
  }
  const [mine] = await floor.rows<{ lot_id: string }>(
    `select lot_id from inference.lot_model where version = 2 and lot_id >= 'LOT-2025-500' limit 1`,
  );
  assert.ok(mine);
  for (const stage of ['retired', 'shadow', 'draft']) {
    await floor.rows(`update inference.model_version set stage = $1, canary_percent = null where version = 2`, [stage]);
    await floor.upload('station', await floor.create('visual', { lot_id: mine.lot_id }), 'image', picture);
    await keep();
    const { version, role } = await until('the claim', async () => await claimJob(floor.db, 'one', READY, MODEL));
    assert.deepEqual([version, role], [2, 'production'], stage);
  }
});

test('a version that the runtime which judges boards has not loaded goes to no stage that judges', async () => {
  await canary(null);
  let loaded = false;
  const deps = {
    db: floor.db,
    door: floor.door,
    held: () => models,
    tryGolden: async () => null,
    ready: (_: string, version: number) => version === 1 || loaded,
    rollbackPauseMs: 1000,
  };
  const move = () => moveVersion(deps, systemCause(), MODEL, 2, { stage: 'canary', reason: 'as the test wants it' }, () => {});
  await assert.rejects(move(), /Rule ready: .*has not loaded version 2/);
  loaded = true;
  assert.equal((await move()).shown.stage, 'canary');
});
