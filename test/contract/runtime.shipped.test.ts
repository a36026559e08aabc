import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readRepository } from '../../src/inference/models/repository.ts';
import { onnxRuntime } from '../../src/inference/runtime/onnx.ts';
import { keyOf, type Tensor } from '../../src/inference/runtime/runtime.ts';
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

runtimeContract('the shipped model', async (t) => {
  const { runtime, models } = await shipped(t);
  const { name: model, version } = models[0]!.manifest;
  return { runtime, model, version };
});

interface Packed {
  datatype: 'UINT8' | 'FP32';
  shape: number[];
  base64: string;
}
function unpacked({ datatype, shape, base64 }: Packed): Tensor {
  const bytes = new Uint8Array(Buffer.from(base64, 'base64'));
  return datatype === 'UINT8'
    ? { type: 'uint8', dims: shape, data: bytes }
    : { type: 'float32', dims: shape, data: new Float32Array(bytes.buffer) };
}

test('every shipped model answers here what it answered where it was trained (golden.json)', async (t) => {
  const { runtime, models } = await shipped(t);
  assert.ok(models.length > 0);
  for (const { manifest } of models) {
    const { name: model, version } = manifest;
    const golden = JSON.parse(await readFile(join(folder, model, String(version), 'golden.json'), 'utf8')) as {
      tolerance: number;
      inputs: { pair: Packed };
      outputs: Record<'heat' | 'ltrb', Packed>;
    };
    const outputs = await runtime.infer({ model, version, tensors: { pair: unpacked(golden.inputs.pair) } });
    for (const name of ['heat', 'ltrb'] as const) {
      const [got, want] = [outputs[name], unpacked(golden.outputs[name])];
      assert.deepEqual(got?.dims, want.dims);
      const worst = [...want.data].reduce(
        (most: number, value, at) => Math.max(most, Math.abs((got?.data[at] ?? 0) - value) / Math.max(Math.abs(value), 1)),
        0,
      );
      assert.ok(worst <= golden.tolerance, `${model} ${version} ${name} differs by ${worst}`);
    }
  }
});
