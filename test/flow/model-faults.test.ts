import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readRepository } from '../../src/inference/models/repository.ts';
import { type ModelRuntime, RunFailed } from '../../src/inference/runtime/runtime.ts';
import { openThreads } from '../../src/inference/threads/pool.ts';
import { jobWorkers, type WorkersDeps } from '../../src/inference/workers.ts';
import { drawBoard } from '../support/boards.ts';
import { openFloor, until } from '../support/floor.ts';
import { startPlatform } from '../support/platform.ts';
import { writeTinyModel } from '../support/tiny-model.ts';

const MODEL = 'pcb-pair-synth';
const quiet = { info() {}, warn() {}, error() {} };
const picture = await drawBoard();
/** Registers the model and runs nothing of it: the workers are those of the tests. */
const floor = await openFloor({ after }, { workers: 0 });
await floor.assign('LOT-2025-001', { template: picture });
const threads = openThreads({ size: 1, maxQueue: 8, timeoutMs: 10_000, models: [], log: quiet });
after(() => threads.close());
await writeTinyModel(floor.modelsDir);
const { models } = await readRepository(floor.modelsDir);

async function queued(change: string): Promise<string> {
  const id = await floor.create('visual');
  await floor.upload('station', id, 'image', picture);
  await until('the queue', async () => (await floor.rows('select from inference.job where inspection_id = $1', [id])).length === 1);
  await floor.rows(`update inference.job set ${change} where inspection_id = $1`, [id]);
  return id;
}
const answering = (infer: ModelRuntime['infer']): ModelRuntime => ({
  name: 'test',
  models: () => [{ model: MODEL, version: 1 }],
  ready: () => true,
  infer,
  close: async () => undefined,
});
const failing = answering(async () => {
  throw new RunFailed('the model broke');
});

/** One try of one board, or its end; then nothing of it is left in the queue. Answers the faults that were noted. */
async function tried(change: string, more: Partial<WorkersDeps>): Promise<string[]> {
  const id = await queued(change);
  const workers = jobWorkers({
    db: floor.db,
    door: floor.door,
    log: quiet,
    models,
    productionModel: MODEL,
    threads,
    runtime: failing,
    pictures: floor.blobs,
    onRun: () => {},
    count: 1,
    graceMs: 1000,
    ...more,
  });
  workers.start();
  await until(
    'the try',
    async () => (await floor.rows('select from inference.job where inspection_id = $1 and error is not null', [id])).length > 0,
  );
  await workers.stop();
  await floor.rows(`update inference.job set state = 'failed' where inspection_id = $1`, [id]);
  const found = await floor.rows<{ error: string }>(
    'select f.error from inference.model_fault f join inference.job j using (operation_id) where j.inspection_id = $1',
    [id],
  );
  return found.map(({ error }) => error);
}
const STILL = `priority = 5`;

test('a version whose run fails, or whose answer cannot be read, has a fault', async () => {
  assert.deepEqual([...new Set(await tried(STILL, {}))], ['the model broke']);
  assert.match(String(await tried(STILL, { runtime: answering(async () => ({})) })), /answered without heat or ltrb/);
});

test('a version that ends its process has a fault when it is begun for the fourth time', async () => {
  const died = `state = 'running', attempts = 3, lease_owner = 'dead', leased_until = now()`;
  assert.match(String(await tried(died, {})), /begun 3 times and its process ended each time/);
});

test('what the version did not do is no fault of it: a store that fails, and a run that decides nothing', async () => {
  const store = {
    read: (sha256: string) => {
      const stream = floor.blobs.read(sha256);
      stream.destroy(new Error('EIO: the disk'));
      return stream;
    },
  };
  assert.deepEqual(await tried(STILL, { pictures: store }), []);
  assert.deepEqual(await tried(`decides = false, named = true, model = '${MODEL}', version = 1`, {}), []);
});

test('a platform without a model that could judge says so', { timeout: 60_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'cqp-no-models-'));
  t.after(() => rm(folder, { recursive: true }));
  const platform = await startPlatform(t, { environment: { MODELS_DIR: folder } });
  const { status, parts } = (await (await fetch(`${platform.url}/health`)).json()) as {
    status: string;
    parts: Record<string, { status: string; detail?: string }>;
  };
  assert.deepEqual([status, parts.inference?.status], ['degraded', 'degraded']);
  assert.equal(parts.inference?.detail, `no version of pcb-pair-synth in MODELS_DIR (${folder}) can be used`);
});
