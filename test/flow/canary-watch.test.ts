import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { judgeCanary } from '../../src/inference/models/canary-rules.ts';
import { changeStage } from '../../src/inference/models/change-stage.ts';
import { comparisonsOf } from '../../src/inference/models/comparison.ts';
import type { Pairing } from '../../src/inference/models/comparisons.ts';
import { judgedQuery } from '../../src/inference/models/judged.ts';
import { moveVersion } from '../../src/inference/models/move-version.ts';
import { registerModel, systemCause } from '../../src/inference/models/registry.ts';
import { readRepository } from '../../src/inference/models/repository.ts';
import { planWithdrawal } from '../../src/inference/models/stages.ts';
import { canaryFigures } from '../../src/inference/models/watch.ts';
import type { InferenceTables } from '../../src/inference/tables.ts';
import { Replayed } from '../../src/platform/db/change.ts';
import { reads } from '../../src/platform/db/database.ts';
import { openFloor, SITE } from '../support/floor.ts';
import { writeTinyModel } from '../support/tiny-model.ts';

const MODEL = 'pcb-pair-synth';
const LIMITS = { minBoards: 20, errorShare: 0.05, latencyRatio: 2, disagreement: 0.2 };
/** Nothing of inference runs here: what was judged, and what failed, is written by the tests, and nobody else watches. */
const floor = await openFloor({ after }, { inference: false, model: false });
await writeTinyModel(floor.modelsDir, { version: 1 });
await writeTinyModel(floor.modelsDir, { version: 2, boxReach: 15 });
const { models } = await readRepository(floor.modelsDir);
for (const model of models) await registerModel(floor.door, model);
const on = reads<InferenceTables>(floor.db);

const began = new Date(Date.now() - 30 * 86_400_000);
await floor.rows(`update inference.model_version set stage = 'canary', canary_percent = 50, stage_since = $1 where version = 2`, [began]);
const pairing: Pairing = { role: 'canary', model: MODEL, production: 1, candidate: 2, since: began };

/** Boards that a version judged, one every `seconds`, the last one that long ago. */
const judged = (version: number, boards: number, seconds: number) =>
  floor.rows(
    `with made as (
       insert into inference.job (operation_id, inspection_id, site, lot_id, model, version, image_sha256, reference_sha256, automatic, decides, requested_by,
                                  priority, turn, state, trace_id)
       select gen_random_uuid(), gen_random_uuid(), $4, 'LOT-2025-001', $5, $1, '', '', false, true, 'test', 5, now(), 'succeeded', ''
         from generate_series(1, $2::int) returning operation_id, inspection_id)
     insert into inference.run (operation_id, inspection_id, model, version, model_sha256, runtime, thresholds, image_sha256, reference_sha256, candidates,
                                timings_ms, calls, finished_at)
     select operation_id, inspection_id, $5, $1, '', 'test', '{}', '', '', '[]', '{"infer": 20}', 0,
            now() - row_number() over () * make_interval(secs => $3::int) from made`,
    [version, boards, seconds, SITE, MODEL],
  );
/** Boards that a version gave no answer for, one every `seconds`; each was tried `tries` times. */
const failed = (version: number, boards: number, seconds: number, tries = 1) =>
  floor.rows(
    `insert into inference.model_fault (id, model, version, operation_id, error, at)
     select gen_random_uuid(), $5, $1, made.id, 'no answer', now() - (made.n - 0.5) * make_interval(secs => $3::int)
       from (select n, gen_random_uuid() as id from generate_series(1, $2::int) n) made, generate_series(1, $4::int)`,
    [version, boards, seconds, tries, MODEL],
  );

test('a canary of 30,000 boards that failed once in 250 is healthy: faults are counted over the time of the boards', async () => {
  await judged(2, 30_000, 80);
  await failed(2, 120, 80 * 250);
  const figures = await canaryFigures(on, pairing);
  assert.deepEqual([figures.canary.boards, figures.canary.faults], [1000, 4]);
  assert.equal(judgeCanary(figures, LIMITS), null);
  await floor.rows('delete from inference.model_fault');
  await failed(2, 120, 80 * 8);
  assert.equal(judgeCanary(await canaryFigures(on, pairing), LIMITS)?.rule, 'errors', 'so many of its newest boards are too many');
});

test('a board that was tried three times is one board without an answer', async () => {
  await floor.rows('delete from inference.model_fault');
  await failed(2, 4, 60, 3);
  assert.equal((await canaryFigures(on, pairing)).canary.faults, 4);
});

test('the boards of a version are found by their index, however many another judged since', async () => {
  await judged(1, 40, 80);
  await floor.rows('analyze inference.run');
  const { sql, parameters } = judgedQuery(MODEL, 1, began, 1000).compile(on);
  const plan = JSON.stringify(await floor.rows(`explain (analyze, format json) ${sql}`, [...parameters]));
  assert.match(plan, /"Index Name":"run_judged_by"/);
  assert.doesNotMatch(plan, /"Rows Removed by Filter":[1-9]/);
});

test('boards that another production version was compared at are no part of the comparison', async () => {
  for (const [production, boards, agrees] of [
    [1, 3, true],
    [9, 5, false],
  ] as const)
    await floor.rows(
      `insert into inference.comparison (id, operation_id, model, role, production_version, candidate_version, stage_since, inspection_id, site, lot_id, state,
                                         agrees, cells)
       select gen_random_uuid(), gen_random_uuid(), $1, 'canary', $2, 2, $3, gen_random_uuid(), $4, 'LOT-2025-001', 'done', $6,
              '[{"production": "open", "candidate": "open", "calls": 1}]' from generate_series(1, $5::int)`,
      [MODEL, production, began, SITE, boards, agrees],
    );
  const [found] = (await comparisonsOf(on, MODEL, 100)).data;
  assert.deepEqual([found?.production_version, found?.boards, found?.agreeing, found?.disagreements.open], [1, 3, 3, 0]);
  assert.deepEqual(found?.matrix, [{ production: 'open', candidate: 'open', calls: 3 }]);
});

test('a canary that is taken back while its share is changed stays taken back; a repeat of an earlier change is answered as it was', async () => {
  const stages = () => floor.rows(`select version, stage from inference.model_version order by version`);
  const share = (canary_percent: number, key: string, meanwhile = async () => {}) =>
    moveVersion(
      {
        db: floor.db,
        door: floor.door,
        held: () => models,
        tryGolden: () => meanwhile().then(() => null),
        ready: () => true,
        rollbackPauseMs: 600_000,
      },
      { ...systemCause(), idempotency: { caller: 'c', key, requestHash: key } },
      MODEL,
      2,
      { stage: 'canary', canary_percent, reason: 'more of it' },
      () => {},
    );
  const takenBack = async () => {
    await changeStage(floor.door, systemCause(), {
      model: MODEL,
      plan: (versions) => planWithdrawal(versions, 2),
      reason: 'errors: as the watcher does',
      automatic: true,
      rollback: true,
      shows: () => 2,
    });
  };
  assert.equal((await share(30, 'first')).shown.canary_percent, 30);
  await assert.rejects(share(40, 'second', takenBack), { code: 'transition_not_allowed', message: /^Rule rolled_back/ });
  assert.deepEqual(await stages(), [
    { version: 1, stage: 'production' },
    { version: 2, stage: 'shadow' },
  ]);
  await assert.rejects(share(30, 'first'), Replayed);
});
