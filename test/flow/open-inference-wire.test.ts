import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { CALLER, servedProtocol } from '../support/served-protocol.ts';

const PATH = '/v2/models/pcb-pair-synth/infer';
const MIB = 1024 ** 2;

interface Heard {
  status: number;
  error: string;
  retryAfter: string | undefined;
}

/** Opens a request and leaves its body to the caller; `heard` comes with the answer, whatever was sent until then. */
function open(port: number, headers: Record<string, string>) {
  const heard = Promise.withResolvers<Heard>();
  const call = request({
    port,
    host: '127.0.0.1',
    path: PATH,
    method: 'POST',
    agent: false,
    headers: { authorization: 'Bearer a.b.c', ...headers },
  });
  call.on('response', (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () => {
      const { error = '' } = JSON.parse(Buffer.concat(chunks).toString()) as { error?: string };
      heard.resolve({ status: response.statusCode ?? 0, error, retryAfter: response.headers['retry-after'] });
    });
    response.on('error', heard.reject);
  });
  call.on('error', heard.reject);
  heard.promise.catch(() => {});
  return { call, heard: heard.promise };
}
const good = JSON.stringify({ inputs: [{ name: 'pair', datatype: 'UINT8', shape: [1, 2, 8, 8], data: Array(128).fill(0) }] });

test('a body that is too large is refused by what it announces, or where it passes the limit', async (t) => {
  const { port } = await servedProtocol(t);
  const announced = open(port, { 'content-length': String(20 * MIB) });
  announced.call.write(Buffer.alloc(5 * MIB));
  assert.equal((await announced.heard).status, 413);
  announced.call.destroy();
  const chunked = open(port, { 'transfer-encoding': 'chunked' });
  for (let sent = 0; sent < 17; sent += 1) chunked.call.write(Buffer.alloc(MIB));
  chunked.call.end();
  const { status, error } = await chunked.heard;
  assert.deepEqual([status, /larger/.test(error)], [413, true]);
  chunked.call.destroy();
  const whole = open(port, { 'content-encoding': 'gzip', 'content-length': '3' });
  whole.call.end('abc');
  assert.equal((await whole.heard).status, 415);
});

test('bodies that do not come hold 32 places at most: the next is told 429 at once, a broken one gives its place back, a slow one is told 408', async (t) => {
  const { port } = await servedProtocol(t, { requestTimeoutMs: 10_000 });
  const slow = Array.from({ length: 32 }, () => open(port, { 'content-length': '1000' }));
  for (const { call } of slow) call.write('{');
  await pause(1000);
  const late = open(port, { 'content-length': String(good.length) });
  late.call.flushHeaders();
  const { status, error, retryAfter } = await late.heard;
  assert.deepEqual([status, /at once/.test(error), retryAfter], [429, true, '1']);
  late.call.destroy();
  slow[0]?.call.destroy();
  await pause(300);
  const next = open(port, { 'content-length': String(good.length) });
  next.call.end(good);
  assert.equal((await next.heard).status, 200, (await next.heard).error);
  for (const { status: told } of await Promise.all(slow.slice(1).map(({ heard }) => heard))) assert.equal(told, 408);
  const after = open(port, { 'content-length': String(good.length) });
  after.call.end(good);
  assert.equal((await after.heard).status, 200);
});

test('clients that leave before they are known keep no place', async (t) => {
  const known = Promise.withResolvers<void>();
  let asked = 0;
  const { port } = await servedProtocol(t, {
    authenticate: async () => {
      asked += 1;
      await known.promise;
      return CALLER;
    },
  });
  const gone = Array.from({ length: 32 }, () => open(port, { 'content-length': '1000' }));
  for (const { call } of gone) call.flushHeaders();
  while (asked < 32) await pause(10);
  for (const { call } of gone) call.destroy();
  await pause(300);
  known.resolve();
  await pause(300);
  const next = open(port, { 'content-length': String(good.length) });
  next.call.end(good);
  assert.equal((await next.heard).status, 200);
});

test('a client that leaves before its model is found gets no run', async (t) => {
  const found = Promise.withResolvers<void>();
  let asked = 0;
  const { port } = await servedProtocol(t, {
    productionOf: async () => {
      asked += 1;
      if (asked === 1) await found.promise;
      return 1;
    },
  });
  const gone = open(port, { 'content-length': String(good.length) });
  gone.call.end(good);
  while (asked < 1) await pause(10);
  gone.call.destroy();
  await pause(1000);
  found.resolve();
  await pause(500);
  const stats = await fetch(`http://127.0.0.1:${port}/v2/models/pcb-pair-synth/stats`, { headers: { authorization: 'Bearer a.b.c' } });
  const { model_stats } = (await stats.json()) as { model_stats: { inference_stats: Record<string, { count: number }> }[] };
  assert.deepEqual([model_stats[0]?.inference_stats.compute_infer?.count, model_stats[0]?.inference_stats.fail?.count], [0, 1]);
});
