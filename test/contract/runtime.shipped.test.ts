import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { differs, readGolden } from '../../src/inference/models/golden.ts';
import { readRepository } from '../../src/inference/models/repository.ts';
import { onnxRuntime } from '../../src/inference/runtime/onnx.ts';
import { keyOf } from '../../src/inference/runtime/runtime.ts';
import { openThreads } from '../../src/inference/threads/pool.ts';
import { runtimeContract } from './runtime.contract.ts';

const folder = fileURLToPath(new URL('../../models', import.meta.url));
const quiet = { info() {}, warn() {}, error() {} };

async function shipped(t: { after(fn: () => Promise<void>): void }) {
  const { models, refused } = await readRepository(folder);
  assert.deepEqual(refused, []);
  const sessions = models.map(({ manifest, bytes }) => ({ session: keyOf(manifest.name, manifest.version), bytes }));
  const threads = openThreads({ size: 1, maxQueue: 16, timeoutMs: 10_000, models: sessions, log: quiet });
  await threads.settled();
  const runtime = onnxRuntime(threads, models);
  t.after(() => runtime.close());
  return { runtime, models };
}

for (const version of [1, 2])
  runtimeContract(`shipped version ${version}`, async (t) => ({ ...(await shipped(t)), model: 'pcb-pair-synth', version }));

test('every shipped model answers here what it answered where it was trained (golden.json)', async (t) => {
  const { runtime, models } = await shipped(t);
  assert.ok(models.length > 0);
  for (const { manifest, folder: versionFolder } of models) {
    const { name: model, version } = manifest;
    const golden = await readGolden(versionFolder ?? '');
    assert.ok(golden, `${model} ${version} has no golden.json`);
    assert.equal(differs(golden, await runtime.infer({ model, version, tensors: golden.inputs() })), null);
    // What cannot fail shows nothing: the same answer with one number changed is another model's.
    const changed = structuredClone(golden.outputs);
    for (const tensor of Object.values(changed)) tensor.data[7] = (tensor.data[7] ?? 0) + 0.1;
    assert.match(differs(golden, changed) ?? '', /differs by 0\.1/);
    assert.match(differs(golden, {}) ?? '', /is not there/);
  }
});
