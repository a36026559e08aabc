import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRepository } from '../../src/inference/models/repository.ts';
import { onnxRuntime } from '../../src/inference/runtime/onnx.ts';
import { keyOf } from '../../src/inference/runtime/runtime.ts';
import { openThreads } from '../../src/inference/threads/pool.ts';
import { writeTinyModel } from '../support/tiny-model.ts';
import { runtimeContract } from './runtime.contract.ts';

const quiet = { info() {}, warn() {}, error() {} };

runtimeContract('ONNX Runtime in threads', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'cqp-models-'));
  const { name, version } = await writeTinyModel(folder);
  const { models } = await readRepository(folder);
  const sessions = models.map(({ manifest, bytes }) => ({ session: keyOf(manifest.name, manifest.version), bytes }));
  const threads = openThreads({ size: 2, maxQueue: 16, timeoutMs: 5000, models: sessions, log: quiet });
  await threads.settled();
  const runtime = onnxRuntime(threads, models);
  t.after(async () => {
    await runtime.close();
    await rm(folder, { recursive: true, force: true });
  });
  return { runtime, model: name, version };
});
