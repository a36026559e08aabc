import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TritonAddress } from '../../src/inference/runtime/triton/address.ts';
import { openTriton, tritonClient } from '../../src/inference/runtime/triton/open.ts';
import { servedProtocol } from '../support/served-protocol.ts';
import { tokenProxy } from '../support/token-proxy.ts';
import { knownModels, meters, until } from '../support/triton.ts';
import { runtimeContract } from './runtime.contract.ts';

const quiet = { info() {}, warn() {}, error() {} };

/** /v2 behind a proxy that knows the token, as the client knows none. */
async function served(t: { after(fn: () => unknown): void }): Promise<{ address: TritonAddress; folder: string }> {
  const { port, folder } = await servedProtocol(t, { maxPixels: 4_000_000 });
  return { address: { protocol: 'http', target: await tokenProxy(t, { port, token: 'a.b.c' }) }, folder };
}

runtimeContract('our own /v2, by the HTTP client that Triton has', async (t) => {
  const { address, folder } = await served(t);
  const models = await knownModels(folder);
  const lanes = { inFlight: 2, waiting: 16 };
  const runtime = openTriton({ address, models, lanes, timeoutMs: 10_000, meters: meters().meters, log: quiet });
  t.after(() => runtime.close());
  const [{ model, version } = assert.fail('no model')] = models;
  await until('our server is used', () => runtime.ready(model, version));
  return { runtime, model, version };
});

test("our /v2 tells Triton's client of itself as Triton does; its models stay", async (t) => {
  const { address } = await served(t);
  const client = tritonClient(address);
  t.after(() => client.close());
  const key = { model: 'pcb-pair-synth', version: 1 };
  assert.deepEqual([await client.live(), await client.modelReady(key)], [true, true]);
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
