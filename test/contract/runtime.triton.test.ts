import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readRepository } from '../../src/inference/models/repository.ts';
import { onnxRuntime } from '../../src/inference/runtime/onnx.ts';
import { keyOf, type Tensors } from '../../src/inference/runtime/runtime.ts';
import type { TritonAddress } from '../../src/inference/runtime/triton/address.ts';
import { openTriton, tritonClient } from '../../src/inference/runtime/triton/open.ts';
import { openThreads } from '../../src/inference/threads/pool.ts';
import type { TritonServer } from '../../tools/servers/triton.ts';
import { writeTinyModel } from '../support/tiny-model.ts';
import { knownModels, meters, realTriton, SHIPPED_MODELS, until } from '../support/triton.ts';
import { runtimeContract } from './runtime.contract.ts';

const quiet = { info() {}, warn() {}, error() {} };
const endings: (() => unknown)[] = [];
let tiny: { folder: string; server: TritonServer };
let shipped: TritonServer;

before(async () => {
  const t = { after: (fn: () => unknown) => void endings.unshift(fn) };
  const folder = await mkdtemp(join(tmpdir(), 'cqp-models-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeTinyModel(folder);
  tiny = { folder, server: (await realTriton(t, folder)).server };
  shipped = (await realTriton(t)).server;
});
after(async () => {
  for (const end of endings) await end();
});

const PROTOCOLS = ['grpc', 'http'] as const;
const addresses = ({ ports }: TritonServer): TritonAddress[] =>
  PROTOCOLS.map((protocol) => ({ protocol, target: `127.0.0.1:${ports[protocol]}` }));

async function opened(t: { after(fn: () => Promise<void>): void }, address: TritonAddress, folder: string, wanted = 1) {
  const models = (await knownModels(folder)).sort((one, other) => Number(other.version === wanted) - Number(one.version === wanted));
  const lanes = { inFlight: 2, waiting: 16 };
  const runtime = openTriton({ address, models, lanes, timeoutMs: 10_000, meters: meters().meters, log: quiet });
  t.after(() => runtime.close());
  const [{ model, version } = assert.fail('no model')] = models;
  await until('the server is used', () => runtime.ready(model, version));
  return { runtime, model, version };
}

/** Two pictures of tracks with bites and spots, from a fixed sequence, so that a failure can be repeated. */
function tracks(width: number, height: number): Uint8Array {
  let seed = width * 7 + height;
  const data = new Uint8Array(2 * width * height);
  for (const cell of data.keys()) {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    data[cell] = Number((cell % width) % 32 < 16 !== seed / 2 ** 31 < 0.01);
  }
  return data;
}

for (const [at, name] of ['gRPC', 'HTTP'].entries()) {
  runtimeContract(`Triton by ${name}`, (t) => opened(t, addresses(tiny.server)[at] as TritonAddress, tiny.folder));
  runtimeContract(`the shipped 8-bit version on Triton by ${name}`, (t) =>
    opened(t, addresses(shipped)[at] as TritonAddress, SHIPPED_MODELS, 2),
  );

  test(`by ${name} the shipped models answer what ONNX Runtime here answers, within 1e-5`, async (t) => {
    const { runtime } = await opened(t, addresses(shipped)[at] as TritonAddress, SHIPPED_MODELS);
    const { models } = await readRepository(SHIPPED_MODELS);
    const sessions = models.map(({ manifest, bytes }) => ({ session: keyOf(manifest.name, manifest.version), bytes }));
    const threads = openThreads({ size: 1, maxQueue: 16, timeoutMs: 10_000, models: sessions, log: quiet });
    t.after(() => threads.close());
    await threads.settled();
    const embedded = onnxRuntime(threads, models);
    for (const { manifest } of models)
      for (const [width, height] of [
        [64, 64],
        [320, 96],
        [640, 640],
      ] as const) {
        const data = tracks(width, height);
        const tensors = (): Tensors => ({ pair: { type: 'uint8', dims: [1, 2, height, width], data: data.slice() } });
        const key = { model: manifest.name, version: manifest.version };
        const [here, there] = [await embedded.infer({ ...key, tensors: tensors() }), await runtime.infer({ ...key, tensors: tensors() })];
        assert.deepEqual(Object.keys(there).sort(), Object.keys(here).sort());
        for (const [output, { data: wanted, dims }] of Object.entries(here)) {
          assert.deepEqual(there[output]?.dims, dims);
          const worst = Math.max(
            ...[...wanted.keys()].map((cell) => Math.abs((wanted[cell] ?? 0) - (there[output]?.data[cell] ?? Number.NaN))),
          );
          assert.ok(worst <= 1e-5, `${manifest.name} ${manifest.version} ${output} differs by ${worst}`);
        }
      }
  });

  test(`by ${name} the server tells of itself, and models come and go`, async () => {
    const client = tritonClient(addresses(tiny.server)[at] as TritonAddress);
    const key = { model: 'pcb-pair-synth', version: 1 };
    try {
      assert.deepEqual([await client.live(), await client.modelReady(key)], [true, true]);
      assert.deepEqual(await client.server().then(({ name: kind, version }) => [kind, version]), ['triton', '2.51.0']);
      const { inputs, outputs } = await client.metadata(key);
      assert.deepEqual(inputs, [{ name: 'pair', datatype: 'UINT8', shape: [-1, 2, -1, -1] }]);
      assert.deepEqual(
        outputs.map((one) => one.shape),
        [
          [-1, 6, -1, -1],
          [-1, 4, -1, -1],
        ],
      );
      const runs = await client.runs(key);
      const tensors = (): Tensors => ({ pair: { type: 'uint8', dims: [1, 2, 64, 64], data: new Uint8Array(8192) } });
      await client.infer({ ...key, id: 'one', tensors: tensors(), timeoutMs: 5000 });
      // The server answers first and counts then.
      await until('the run is counted', async () => ((await client.runs(key)) ?? 0) > (runs ?? 0), 5000);
      await client.unload(key.model);
      assert.equal(await client.modelReady(key), false);
      await assert.rejects(client.infer({ ...key, id: 'two', tensors: tensors(), timeoutMs: 5000 }), { kind: 'unloaded' });
      await client.load(key.model);
      assert.equal(await client.modelReady(key), true);
      await assert.rejects(client.load('nobody'), { name: 'TritonFault' });
      assert.equal(await client.modelReady({ ...key, version: 9 }), false);
    } finally {
      await client.close();
    }
  });

  test(`by ${name} a deadline and a wish given up end the call, and the connection serves the next`, async () => {
    const client = tritonClient(addresses(shipped)[at] as TritonAddress);
    const key = { model: 'pcb-pair-synth', version: 1 };
    const big = (): Tensors => ({ pair: { type: 'uint8', dims: [1, 2, 1600, 1600], data: new Uint8Array(2 * 1600 * 1600) } });
    try {
      const [{ model } = key] = await knownModels();
      await assert.rejects(client.infer({ ...key, model, id: 'a', tensors: big(), timeoutMs: 20 }), { kind: 'late' });
      const gone = new AbortController();
      const given = assert.rejects(client.infer({ ...key, model, id: 'b', tensors: big(), timeoutMs: 9000, signal: gone.signal }), {
        kind: 'given_up',
      });
      setTimeout(() => gone.abort(), 20);
      await given;
      assert.equal(await client.live(), true);
    } finally {
      await client.close();
    }
  });
}
