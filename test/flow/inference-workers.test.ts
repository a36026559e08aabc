import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { completeRun } from '../../src/inference/finish-run.ts';
import { claimJob, handBack, renewLease } from '../../src/inference/jobs.ts';
import { registerModel } from '../../src/inference/models/registry.ts';
import { readRepository } from '../../src/inference/models/repository.ts';
import type { ModelRuntime } from '../../src/inference/runtime/runtime.ts';
import { openThreads } from '../../src/inference/threads/pool.ts';
import { jobWorkers } from '../../src/inference/workers.ts';
import { drawBoard } from '../support/boards.ts';
import { type Floor, openFloor, until } from '../support/floor.ts';
import { writeTinyModel } from '../support/tiny-model.ts';

const [good, bad] = [await drawBoard(), await drawBoard({}, { lost: [{ x: 0, y: 16, width: 8, height: 8 }] })];
const READY = [{ model: 'pcb-pair-synth', version: 1 }];
const PRODUCTION = 'pcb-pair-synth';
const quiet = { info() {}, warn() {}, error() {} };

/** A process without a model: its runs stay in the queue for the others. */
const idle = await openFloor({ after }, { model: false });
await idle.assign('LOT-2025-001', { template: good });

async function queued(floor: Floor, count: number, picture = bad, more = {}): Promise<string[]> {
  const ids: string[] = [];
  for (let made = 0; made < count; made += 1) {
    const id = await floor.create('visual', more);
    await floor.upload('station', id, 'image', picture);
    ids.push(id);
  }
  await until(
    'the queue',
    async () => (await floor.rows('select from inference.job where inspection_id = any($1)', [ids])).length === count,
  );
  return ids;
}
const clear = () => idle.rows('delete from inference.job where operation_id not in (select operation_id from inference.run)');

test('while no model is there, runs stay queued and visible; a process with the model takes them, and two share the queue without doubling', async (t) => {
  const ids = await queued(idle, 24);
  assert.equal((await idle.inspection(ids[0] as string)).status, 'in_progress');
  const { headers } = await idle.call('engineer', 'POST', `/v1/inspections/${ids[0]}/infer`, {});
  assert.equal((await idle.call('engineer', 'GET', String(headers.location))).body.status, 'queued');
  assert.deepEqual((await idle.call('engineer', 'GET', '/v1/models')).body.data, []);
  await Promise.all([openFloor(t, { beside: idle }), openFloor(t, { beside: idle, workers: 2 })]);
  for (const id of ids) assert.equal((await idle.settled(id)).verdict, 'fail');
  await idle.quiet();
  const [counts] = await idle.rows(
    `select (select count(*)::int from inference.run r join inference.job j using (operation_id) where j.automatic and r.inspection_id = any($1)) as runs,
            (select count(*)::int from disposition.judgement where inspection_id = any($1)) as verdicts,
            (select count(*)::int from disposition.defect where inspection_id = any($1)) as defects`,
    [ids],
  );
  assert.deepEqual(counts, { runs: 24, verdicts: 24, defects: 24 });
  for (const id of ids) assert.equal((await idle.events('inspection.judged', id)).length, 1);
  const owners = await idle.rows(`select count(*) from inference.model_version`);
  assert.equal(owners.length, 1);
});

test('a run whose process died is taken over after its lease; the first owner can no longer end it', async () => {
  const [id] = await queued(idle, 1);
  const first = await claimJob(idle.db, 'first', READY, PRODUCTION);
  assert.equal(first?.inspection_id, id);
  assert.equal(await claimJob(idle.db, 'second', READY, PRODUCTION), null, 'it is leased');
  await idle.rows(`update inference.job set leased_until = now() - interval '1 second' where operation_id = $1`, [first?.operation_id]);
  const taken = await claimJob(idle.db, 'second', READY, PRODUCTION);
  assert.deepEqual([taken?.operation_id, taken?.attempts], [first?.operation_id, 2]);
  assert.equal(await renewLease(idle.db, 'first', String(first?.operation_id)), false);
  const features = { copper_fraction: 0.5, shift: { dx: 0, dy: 0 }, residual: 0, stretch: 0, sharpness: 1 };
  const result = { candidates: [], thresholds: {}, modelSha256: '0'.repeat(64), runtime: 'test', timingsMs: {}, features };
  await assert.rejects(completeRun(idle.door, 'first', first!, result), { name: 'LeaseLost' });
  assert.deepEqual(await idle.rows('select from inference.run where inspection_id = $1', [id]), []);
  await completeRun(idle.door, 'second', taken!, result);
  await assert.rejects(completeRun(idle.door, 'second', taken!, result), { name: 'LeaseLost' }, 'a run ends once');
});

test('a run holds until no time that a clock wrote which was set back since', async () => {
  const [waits] = await queued(idle, 1);
  await idle.rows(`update inference.job set run_after = now() + interval '2 hours' where inspection_id = $1`, [waits]);
  const first = await claimJob(idle.db, 'first', READY, PRODUCTION);
  assert.equal(first?.inspection_id, waits);
  await idle.rows(`update inference.job set leased_until = now() + interval '2 hours' where operation_id = $1`, [first?.operation_id]);
  const taken = await claimJob(idle.db, 'second', READY, PRODUCTION);
  assert.equal(taken?.operation_id, first?.operation_id);
  assert.equal(await claimJob(idle.db, 'third', READY, PRODUCTION), null, 'now it is leased');
});

test('a run handed back is queued again; only failures count as attempts', async () => {
  await clear();
  await queued(idle, 1);
  const job = await claimJob(idle.db, 'one', READY, PRODUCTION);
  await handBack(idle.db, 'one', String(job?.operation_id), { counts: false, waitMs: 0, error: null });
  const again = await claimJob(idle.db, 'two', READY, PRODUCTION);
  assert.deepEqual([again?.operation_id, again?.attempts], [job?.operation_id, 1]);
  await handBack(idle.db, 'two', String(job?.operation_id), { counts: true, waitMs: 60_000, error: 'broke' });
  assert.equal(await claimJob(idle.db, 'three', READY, PRODUCTION), null, 'it waits before it is tried again');
});

test('the higher priority goes first, but a point of it is worth 30 s of waiting and no more', async () => {
  await clear();
  const [low] = await queued(idle, 1, bad, { priority: 1 });
  const [high] = await queued(idle, 1, bad, { priority: 10 });
  // Both from one moment: what is compared is the priority, and not how long the second took to be queued.
  await idle.rows('update inference.job set turn = turn + (now() - created_at) where inspection_id = any($1)', [[low, high]]);
  await idle.rows(`update inference.job set turn = turn - interval '269 seconds' where inspection_id = $1`, [low]);
  assert.equal((await claimJob(idle.db, 'a', READY, PRODUCTION))?.inspection_id, high);
  await idle.rows(`update inference.job set state = 'queued', lease_owner = null where inspection_id = $1`, [high]);
  await idle.rows(`update inference.job set turn = turn - interval '2 seconds' where inspection_id = $1`, [low]);
  assert.equal((await claimJob(idle.db, 'a', READY, PRODUCTION))?.inspection_id, low);
});

test('three processes that died over one run are enough: a person must look', async (t) => {
  await clear();
  const [id] = await queued(idle, 1, good);
  await idle.rows(
    `update inference.job set state = 'running', attempts = 3, lease_owner = 'dead', leased_until = now() where inspection_id = $1`,
    [id],
  );
  await openFloor(t, { beside: idle });
  const waiting = await idle.settled(String(id));
  assert.deepEqual([waiting.status, waiting.reason], ['awaiting_review', 'model_failed']);
});

test('a process that stops waits for its runs a little, then hands them back as if they had not been begun', async (t) => {
  await clear();
  const [id] = await queued(idle, 1, good);
  const threads = openThreads({ size: 1, maxQueue: 8, timeoutMs: 60_000, models: [], log: quiet });
  t.after(() => threads.close());
  const folder = await mkdtemp(join(tmpdir(), 'cqp-models-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeTinyModel(folder);
  let begun = false;
  const endless: ModelRuntime = {
    name: 'endless',
    models: () => READY,
    ready: () => true,
    infer: () => {
      begun = true;
      return new Promise(() => {});
    },
    close: async () => {},
  };
  const workers = jobWorkers({
    db: idle.db,
    door: idle.door,
    log: quiet,
    models: (await readRepository(folder)).models,
    productionModel: PRODUCTION,
    threads,
    runtime: endless,
    pictures: idle.blobs,
    onRun: () => {},
    count: 1,
    graceMs: 100,
  });
  workers.start();
  await until('the run', async () => begun);
  const began = performance.now();
  await workers.stop();
  assert.ok(performance.now() - began < 20_000, 'the run never ends');
  const jobs = await idle.rows('select state, attempts, lease_owner from inference.job where inspection_id = $1', [id]);
  assert.deepEqual(jobs, [{ state: 'queued', attempts: 0, lease_owner: null }]);
});

test('a version that changed under its number is refused and not run; a newer one is a draft until somebody moves it', async () => {
  const read = async () => (await readRepository(idle.modelsDir)).models.at(-1)!;
  await writeTinyModel(idle.modelsDir, { boxReach: 17 });
  assert.equal(await registerModel(idle.door, await read()), 'changed');
  await writeTinyModel(idle.modelsDir, { thresholds: { ...(await read()).manifest.thresholds, open: 0.4 } });
  assert.equal(await registerModel(idle.door, await read()), 'changed', 'other thresholds are another version too');
  await writeTinyModel(idle.modelsDir);
  assert.equal(await registerModel(idle.door, await read()), 'known');
  await writeTinyModel(idle.modelsDir, { version: 2, boxReach: 17 });
  assert.equal(await registerModel(idle.door, await read()), 'registered');
  const stages = await idle.rows('select version, stage from inference.model_version order by version');
  assert.deepEqual(stages, [
    { version: 1, stage: 'production' },
    { version: 2, stage: 'draft' },
  ]);
});
