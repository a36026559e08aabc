import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinBody } from '../../src/inference/protocol/binary-tensors.ts';
import type { Tensors } from '../../src/inference/runtime/runtime.ts';
import { type Floor, openFloor, until, type Who } from '../support/floor.ts';

const MODEL = 'pcb-pair-synth';
const INFER = `/v2/models/${MODEL}/infer`;

/** Boards of 64 x 64; each lacks copper in a block of 8 x 8 at a place of its own. */
function boards(count: number, side = 64): Tensors {
  const data = new Uint8Array(count * 2 * side * side);
  for (let at = 0; at < count; at += 1)
    for (let y = 16; y < 24; y += 1) data.fill(1, at * 2 * side ** 2 + y * side + 8 * at, at * 2 * side ** 2 + y * side + 8 * at + 8);
  return { pair: { type: 'uint8', dims: [count, 2, side, side], data } };
}
const jsonOf = ({ pair }: Tensors, more: object = {}) => ({
  ...more,
  inputs: [{ name: 'pair', datatype: 'UINT8', shape: pair?.dims, data: [...(pair?.data ?? [])] }],
});

interface Answered {
  status: number;
  headers: Record<string, unknown>;
  raw: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
  json(): any;
}
async function ready(t: { after(fn: () => Promise<void>): void }, options = {}) {
  const floor = await openFloor(t, { disposition: false, ...options });
  await until('a ready model', async () => (await send(floor, 'GET', '/v2/health/ready')).status === 200);
  return floor;
}
async function send(
  floor: Floor,
  method: 'GET' | 'POST',
  url: string,
  body?: Buffer | string | object,
  who: Who | null = 'admin',
  headers = {},
) {
  const answer = await floor.app.inject({
    method,
    url,
    headers: { ...(who === null ? {} : { authorization: `Bearer ${who}` }), ...headers },
    ...(body === undefined ? {} : { payload: Buffer.isBuffer(body) || typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { status: answer.statusCode, headers: answer.headers, raw: answer.rawPayload, json: () => answer.json() } as Answered;
}
async function sendBinary(floor: Floor, tensors: Tensors, head: object = {}, url = INFER) {
  const { body, headLength } = joinBody({ parameters: { binary_data_output: true }, ...head }, 'inputs', tensors);
  return await send(floor, 'POST', url, body, 'admin', { 'inference-header-content-length': String(headLength) });
}
/** The outputs of an answer with raw bytes, by name. */
function rawOutputs({ raw, headers }: Answered) {
  const length = Number(headers['inference-header-content-length']);
  const head = JSON.parse(raw.subarray(0, length).toString()) as {
    id?: string;
    model_version: string;
    outputs: { name: string; shape: number[]; parameters: { binary_data_size: number } }[];
  };
  let at = length;
  const found: Record<string, { shape: number[]; data: number[] }> = {};
  for (const { name, shape, parameters } of head.outputs) {
    const bytes = raw.subarray(at, at + parameters.binary_data_size);
    found[name] = { shape, data: [...new Float32Array(new Uint8Array(bytes).buffer)] };
    at += parameters.binary_data_size;
  }
  assert.equal(at, raw.length);
  return { head, found };
}

test('a client that speaks JSON and one that speaks raw bytes get the same numbers, board by board', async (t) => {
  const floor = await ready(t);
  const json = await send(floor, 'POST', INFER, jsonOf(boards(3), { id: 'a-1', parameters: { priority: 1, timeout: 60_000_000 } }));
  assert.equal(json.status, 200, json.raw.toString());
  const { id, model_name, model_version, outputs } = json.json();
  assert.deepEqual([id, model_name, model_version], ['a-1', MODEL, '1']);
  assert.deepEqual(
    outputs.map((one: { name: string; datatype: string; shape: number[] }) => [one.name, one.datatype, one.shape]),
    [
      ['heat', 'FP32', [3, 6, 8, 8]],
      ['ltrb', 'FP32', [3, 4, 8, 8]],
    ],
  );
  // The cell of the block that lacks copper, of each board.
  for (let at = 0; at < 3; at += 1) assert.equal(outputs[0].data[at * 6 * 64 + 2 * 8 + at], 1);
  const binary = await sendBinary(floor, boards(3), { id: 'b-2' });
  assert.equal(binary.headers['content-type'], 'application/octet-stream');
  const { head, found } = rawOutputs(binary);
  assert.equal(head.id, 'b-2');
  assert.deepEqual(found.heat, { shape: [3, 6, 8, 8], data: outputs[0].data });
  assert.deepEqual(found.ltrb, { shape: [3, 4, 8, 8], data: outputs[1].data });
});

test('outputs are answered as they are asked for: some, in that order, as JSON or raw', async (t) => {
  const floor = await ready(t);
  const one = await send(floor, 'POST', INFER, jsonOf(boards(1), { outputs: [{ name: 'ltrb' }] }));
  assert.deepEqual(
    one.json().outputs.map(({ name }: { name: string }) => name),
    ['ltrb'],
  );
  assert.equal('id' in one.json(), false);
  const outputs = [{ name: 'ltrb', parameters: { binary_data: false } }, { name: 'heat' }];
  const mixed = await sendBinary(floor, boards(1), { outputs });
  const length = Number(mixed.headers['inference-header-content-length']);
  const [ltrb, heat] = JSON.parse(mixed.raw.subarray(0, length).toString()).outputs;
  assert.deepEqual([ltrb.name, ltrb.data.length, heat.name, heat.parameters.binary_data_size], ['ltrb', 256, 'heat', 6 * 64 * 4]);
  assert.equal(mixed.raw.length, length + 6 * 64 * 4);
});

test('metadata, readiness, repository and figures speak of what the registry holds', async (t) => {
  const floor = await ready(t);
  const get = async (url: string, who: Who | null = 'admin') => {
    const { status, json } = await send(floor, 'GET', url, undefined, who);
    return { status, body: json() };
  };
  assert.deepEqual((await get('/v2')).body.name, 'chip-quality-platform');
  assert.deepEqual(await get('/v2/health/live', null), { status: 200, body: { live: true } });
  assert.deepEqual(await get('/v2/health/ready', null), { status: 200, body: { ready: true } });
  assert.deepEqual((await get(`/v2/models/${MODEL}/ready`, null)).body, { name: MODEL, version: '1', ready: true });
  const { body } = await get(`/v2/models/${MODEL}`);
  assert.deepEqual(body.versions, ['1']);
  assert.deepEqual(body.inputs, [{ name: 'pair', datatype: 'UINT8', shape: [-1, 2, -1, -1] }]);
  assert.deepEqual(body.outputs[0], { name: 'heat', datatype: 'FP32', shape: [-1, 6, -1, -1] });
  assert.deepEqual((await get(`/v2/models/${MODEL}/versions/1`)).body, body);
  for (const url of [
    `/v2/models/${MODEL}/versions/2`,
    '/v2/models/nobody',
    `/v2/models/${MODEL}/versions/x/ready`,
    '/v2/models/nobody/stats',
  ]) {
    const { status, body: refused } = await get(url);
    assert.equal(status, 404, url);
    assert.deepEqual(Object.keys(refused), ['error']);
  }
  const index = await send(floor, 'POST', '/v2/repository/index', { ready: true });
  assert.deepEqual(index.json(), [{ name: MODEL, version: '1', state: 'READY', reason: '' }]);
  assert.equal((await send(floor, 'POST', '/v2/repository/index')).status, 200);
  assert.equal((await send(floor, 'POST', '/v2/repository/index', { ready: 1 })).status, 400);
  assert.equal((await send(floor, 'POST', `/v2/repository/models/${MODEL}/load`, {})).status, 200);
  assert.equal((await send(floor, 'POST', '/v2/repository/models/nobody/load', {})).status, 404);
  const unload = await send(floor, 'POST', `/v2/repository/models/${MODEL}/unload`, {});
  assert.equal(unload.status, 409);
  assert.match(unload.json().error, /registry decides/);

  await sendBinary(floor, boards(4));
  await sendBinary(floor, boards(1), {}, `/v2/models/${MODEL}/versions/1/infer`);
  assert.equal((await sendBinary(floor, boards(1), {}, `/v2/models/${MODEL}/versions/2/infer`)).status, 404);
  assert.equal((await sendBinary(floor, boards(1), {}, '/v2/models/nobody/infer')).status, 404);
  const [stats] = (await get(`/v2/models/${MODEL}/stats`)).body.model_stats;
  assert.deepEqual([stats.version, stats.inference_count, stats.execution_count], ['1', 5, 5]);
  assert.deepEqual([stats.inference_stats.success.count, stats.inference_stats.fail.count], [2, 0]);
  assert.ok(stats.last_inference > Date.now() - 60_000 && stats.inference_stats.compute_infer.ns > 0);
  assert.deepEqual((await get('/v2/models/stats')).body.model_stats, [stats]);
  const { text } = await floor.metrics.render();
  assert.match(text, new RegExp(`inference_protocol_requests_total\\{model_name="${MODEL}",outcome="answered"\\} 2`));
  assert.match(text, /inference_protocol_requests_total\{model_name="unknown",outcome="refused"\} 1/);
  assert.deepEqual(await floor.rows('select 1 from inference.run union all select 1 from inference.job'), []);
});

test('who may: health is open, metadata needs inference:read, runs inference:execute; refusals are in the form of the protocol', async (t) => {
  const floor = await ready(t);
  const cases: [Who | null, 'GET' | 'POST', string, number][] = [
    [null, 'GET', '/v2', 401],
    [null, 'POST', INFER, 401],
    ['operator', 'POST', INFER, 403],
    ['auditor', 'POST', INFER, 403],
    ['auditor', 'GET', `/v2/models/${MODEL}`, 200],
    ['station', 'GET', `/v2/models/${MODEL}`, 403],
    ['station', 'POST', INFER, 200],
  ];
  for (const [who, method, url, status] of cases) {
    const answer = await send(floor, method, url, method === 'POST' ? jsonOf(boards(1)) : undefined, who);
    assert.equal(answer.status, status, `${who} ${method} ${url}`);
    if (status >= 400) assert.deepEqual([Object.keys(answer.json()), typeof answer.json().error], [['error'], 'string']);
  }
  assert.match((await send(floor, 'POST', INFER, {}, 'operator')).json().error, /inference:execute/);
});
