import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Caller } from '../../src/contracts/permissions.ts';
import { readRepository } from '../../src/inference/models/repository.ts';
import { protocolRoutes } from '../../src/inference/protocol/routes.ts';
import { onnxRuntime } from '../../src/inference/runtime/onnx.ts';
import { keyOf } from '../../src/inference/runtime/runtime.ts';
import { openTriton, tritonClient } from '../../src/inference/runtime/triton/open.ts';
import { openThreads } from '../../src/inference/threads/pool.ts';
import { createApp } from '../../src/platform/http/app.ts';
import { createMetrics } from '../../src/platform/telemetry/metrics.ts';
import { writeTinyModel } from '../support/tiny-model.ts';
import { tokenProxy } from '../support/token-proxy.ts';
import { knownModels, meters, until } from '../support/triton.ts';
import { runtimeContract } from './runtime.contract.ts';

const quiet = { info() {}, warn() {}, error() {} };
const CALLER: Caller = {
  subject: 'other',
  kind: 'client',
  name: 'other',
  roles: [],
  scopes: new Set(['inference:read', 'inference:execute']),
  site: '*',
  stationId: null,
};

/** The embedded runtime behind /v2 on a real port, and a proxy that knows the token; answers the proxy's address. */
async function served(t: { after(fn: () => unknown): void }): Promise<{ url: string; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'cqp-models-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeTinyModel(folder);
  const { models } = await readRepository(folder);
  const sessions = models.map(({ manifest, bytes }) => ({ session: keyOf(manifest.name, manifest.version), bytes }));
  const threads = openThreads({ size: 1, maxQueue: 64, timeoutMs: 10_000, models: sessions, log: quiet });
  await threads.settled();
  t.after(() => threads.close());
  const runtime = onnxRuntime(threads, models);
  const app = await createApp({ authenticate: () => CALLER, maxDelayMs: 60_000 });
  await protocolRoutes(app, {
    runtime: () => runtime,
    models: () => models.map(({ manifest: { name: model, version, classes } }) => ({ model, version, classes: classes.length })),
    productionOf: async () => 1,
    metrics: createMetrics(),
    version: '1.0.0',
    runsHere: true,
    timeoutMs: 10_000,
    maxPixels: 4_000_000,
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  t.after(() => app.close());
  const address = await tokenProxy(t, { port: (app.server.address() as AddressInfo).port, token: 'a.b.c' });
  return { url: `http://${address}`, folder };
}

runtimeContract('our own /v2, by the HTTP client that Triton has', async (t) => {
  const { url, folder } = await served(t);
  const models = await knownModels(folder);
  const lanes = { inFlight: 2, waiting: 16 };
  const runtime = openTriton({ url, models, lanes, timeoutMs: 10_000, meters: meters().meters, log: quiet });
  t.after(() => runtime.close());
  const [{ model, version } = assert.fail('no model')] = models;
  await until('our server is used', () => runtime.ready(model, version));
  return { runtime, model, version };
});

test("our /v2 tells Triton's client of itself as Triton does; its models stay", async (t) => {
  const { url } = await served(t);
  const client = tritonClient(url);
  t.after(() => client.close());
  const key = { model: 'pcb-pair-synth', version: 1 };
  assert.deepEqual([await client.live(), await client.ready(), await client.modelReady(key)], [true, true, true]);
  assert.equal((await client.server()).name, 'chip-quality-platform');
  const { inputs, outputs } = await client.metadata(key);
  assert.deepEqual(inputs, [{ name: 'pair', datatype: 'UINT8', shape: [-1, 2, -1, -1] }]);
  assert.deepEqual(
    outputs.map(({ name, shape }) => [name, shape]),
    [
      ['heat', [-1, 6, -1, -1]],
      ['ltrb', [-1, 4, -1, -1]],
    ],
  );
  const pair = () => ({ pair: { type: 'uint8' as const, dims: [1, 2, 64, 64], data: new Uint8Array(8192) } });
  await client.infer({ ...key, id: 'one', tensors: pair(), timeoutMs: 5000 });
  assert.equal(await client.runs(key), 1);
  await client.load(key.model);
  await assert.rejects(client.load('nobody'), { name: 'TritonFault' });
  await assert.rejects(client.unload(key.model), { name: 'TritonFault', message: /registry decides/ });
  assert.equal(await client.modelReady(key), true);
  assert.equal(await client.modelReady({ ...key, version: 9 }), false);
  await assert.rejects(client.infer({ ...key, version: 9, id: 'two', tensors: pair(), timeoutMs: 5000 }), { kind: 'unloaded' });
});
