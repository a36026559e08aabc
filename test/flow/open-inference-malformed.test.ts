import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { joinBody } from '../../src/inference/protocol/binary-tensors.ts';
import { type Floor, openFloor, until } from '../support/floor.ts';

const MODEL = 'pcb-pair-synth';
const INFER = `/v2/models/${MODEL}/infer`;
const LENGTH = 'inference-header-content-length';
const MIB = 1024 ** 2;

async function ready(t: { after(fn: () => Promise<void>): void }) {
  const floor = await openFloor(t, { disposition: false });
  await until('a ready model', async () => (await floor.call('admin', 'GET', '/v2/health/ready')).status === 200);
  return floor;
}

async function post(floor: Floor, body: Buffer | string, headers: Record<string, string> = {}) {
  const answer = await floor.app.inject({
    method: 'POST',
    url: INFER,
    headers: { authorization: 'Bearer admin', ...headers },
    payload: body,
  });
  return { status: answer.statusCode, headers: answer.headers, text: answer.body };
}
const pair = (more: object = {}) => ({ name: 'pair', datatype: 'UINT8', shape: [1, 2, 8, 8], data: Array(128).fill(0), ...more });
const raw = (more: object = {}) => ({
  name: 'pair',
  datatype: 'UINT8',
  shape: [1, 2, 8, 8],
  parameters: { binary_data_size: 128 },
  ...more,
});

test('a body that is not what it says is a 4xx that names the field, never a 500 and never a wait', async (t) => {
  const floor = await ready(t);
  const good = await post(floor, JSON.stringify({ inputs: [pair()] }));
  assert.equal(good.status, 200, good.text);
  const json = (value: unknown) => JSON.stringify(value);
  const withBytes = (head: unknown, bytes: number, length?: string, value = 0): [Buffer, Record<string, string>] => {
    const text = Buffer.from(json(head));
    return [Buffer.concat([text, Buffer.alloc(bytes, value)]), { [LENGTH]: length ?? String(text.length) }];
  };
  const cases: [string, string | Buffer | [Buffer, Record<string, string>], number, RegExp][] = [
    ['nothing', '', 400, /body/],
    ['no JSON', '{"inputs":', 400, /body: .*no JSON/],
    ['a list', '[]', 400, /body: .*no object/],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 400, /body/],
    ['NaN', `{"inputs":[{"name":"pair","datatype":"UINT8","shape":[1,2,8,8],"data":[NaN]}]}`, 400, /body: .*no JSON/],
    ['a number beyond doubles', json({ inputs: [pair()] }).replace('[0,', '[1e999,'), 400, /inputs -> 0: .*no UINT8/],
    ['deep nesting', `${'['.repeat(100_000)}`, 400, /nested/],
    ['a header beyond the body', withBytes({ inputs: [raw()] }, 128, '100000'), 400, /inference-header-content-length: says 100000/],
    ['a negative header', withBytes({ inputs: [raw()] }, 128, '-1'), 400, /inference-header-content-length/],
    ['a header that is no number', withBytes({ inputs: [raw()] }, 128, '1e3'), 400, /inference-header-content-length/],
    ['a header of nothing', withBytes({ inputs: [raw()] }, 128, '0'), 400, /body/],
    ['a header that cuts the JSON', withBytes({ inputs: [raw()] }, 128, '20'), 400, /body: .*no JSON/],
    ['too few bytes', withBytes({ inputs: [raw()] }, 127), 400, /inputs -> 0: .*127 are left/],
    ['too many bytes', withBytes({ inputs: [raw()] }, 129), 400, /inputs -> 0: 1 bytes belong to no tensor/],
    [
      'a size that is not the shape',
      withBytes({ inputs: [raw({ parameters: { binary_data_size: 64 } })] }, 64),
      400,
      /inputs -> 0: .*64 bytes/,
    ],
    ['a negative size', withBytes({ inputs: [raw({ parameters: { binary_data_size: -1 } })] }, 128), 400, /inputs -> 0/],
    ['a size beyond numbers', withBytes({ inputs: [raw({ parameters: { binary_data_size: 2 ** 60 } })] }, 128), 400, /inputs -> 0/],
    ['a size in words', withBytes({ inputs: [raw({ parameters: { binary_data_size: '128' } })] }, 128), 400, /inputs -> 0/],
    ['sizes that share bytes', withBytes({ inputs: [raw(), raw()] }, 128), 400, /inputs/],
    ['no inputs', json({}), 400, /inputs/],
    ['an input that is no object', json({ inputs: [5] }), 400, /inputs -> 0/],
    ['another name', json({ inputs: [pair({ name: 'image' })] }), 400, /inputs -> 0 -> name/],
    ['a name of a prototype', json({ inputs: [pair({ name: '__proto__' })] }), 400, /inputs -> 0 -> name/],
    ['another type', json({ inputs: [pair({ datatype: 'FP32' })] }), 400, /inputs -> 0 -> datatype/],
    ['a type that is none', json({ inputs: [pair({ datatype: ['UINT8'] })] }), 400, /inputs -> 0: .*datatype/],
    ['three channels', json({ inputs: [pair({ shape: [1, 3, 8, 8] })] }), 400, /inputs -> 0 -> shape/],
    ['no batch', json({ inputs: [pair({ shape: [2, 8, 8] })] }), 400, /inputs -> 0 -> shape/],
    ['a batch of nine', json({ inputs: [pair({ shape: [9, 2, 8, 8] })] }), 400, /inputs -> 0 -> shape: N must be 1 to 8/],
    ['a batch of none', json({ inputs: [pair({ shape: [0, 2, 8, 8], data: [] })] }), 400, /inputs -> 0 -> shape/],
    ['a side that is no multiple', json({ inputs: [pair({ shape: [1, 2, 8, 12] })] }), 400, /inputs -> 0 -> shape: H and W/],
    ['a side of a fraction', json({ inputs: [pair({ shape: [1, 2, 8, 8.5] })] }), 400, /inputs -> 0: .*no size/],
    ['a negative side', json({ inputs: [pair({ shape: [1, 2, -8, -8] })] }), 400, /inputs -> 0: .*no size/],
    ['a shape beyond memory', json({ inputs: [pair({ shape: [1, 2, 2 ** 31, 2 ** 31] })] }), 400, /inputs -> 0: .*too large/],
    ['a shape that would wrap round', json({ inputs: [pair({ shape: [8, 2, 2 ** 30, 2 ** 32] })] }), 400, /inputs -> 0: .*too large/],
    ['a board too large', json({ inputs: [pair({ shape: [1, 2, 1032, 1024] })] }), 400, /inputs -> 0 -> shape: H x W/],
    ['a shape of a million sides', json({ inputs: [pair({ shape: Array(1e6).fill(1) })] }), 400, /inputs -> 0: .*shape/],
    ['a picture of greys', json({ inputs: [pair({ data: [0, 1, 255, ...Array(125).fill(0)] })] }), 400, /inputs -> 0 -> data: .*copper/],
    ['a picture of greys in bytes', withBytes({ inputs: [raw()] }, 128, undefined, 2), 400, /inputs -> 0 -> data: .*copper/],
    ['a value of 256', json({ inputs: [pair({ data: Array(128).fill(256) })] }), 400, /inputs -> 0: .*no UINT8/],
    ['a value of a half', json({ inputs: [pair({ data: Array(128).fill(0.5) })] }), 400, /inputs -> 0: .*no UINT8/],
    ['values in words', json({ inputs: [pair({ data: Array(128).fill('0') })] }), 400, /inputs -> 0: .*no UINT8/],
    ['too few values', json({ inputs: [pair({ data: [1] })] }), 400, /inputs -> 0: .*1 values in place of 128/],
    ['too many values', json({ inputs: [pair({ data: Array(129).fill(1) })] }), 400, /inputs -> 0: .*more than 128/],
    ['shared memory', json({ inputs: [raw({ parameters: { shared_memory_region: 'a' } })] }), 400, /inputs -> 0: .*neither/],
    ['an unknown output', json({ inputs: [pair()], outputs: [{ name: 'boxes' }] }), 400, /outputs -> 0 -> name/],
    ['an output twice', json({ inputs: [pair()], outputs: [{ name: 'heat' }, { name: 'heat' }] }), 400, /outputs -> 1 -> name/],
    ['outputs in words', json({ inputs: [pair()], outputs: 'heat' }), 400, /outputs/],
    [
      'classification',
      json({ inputs: [pair()], outputs: [{ name: 'heat', parameters: { classification: 3 } }] }),
      400,
      /outputs -> 0 -> parameters -> classification/,
    ],
    ['a priority of 11', json({ inputs: [pair()], parameters: { priority: 11 } }), 400, /parameters -> priority/],
    ['a time of minus one', json({ inputs: [pair()], parameters: { timeout: -1 } }), 400, /parameters -> timeout/],
    ['an id that is a number', json({ id: 7, inputs: [pair()] }), 400, /^.{0,10}id: /],
    ['a flag in words', json({ inputs: [pair()], parameters: { binary_data_output: 'true' } }), 400, /parameters -> binary_data_output/],
    ['too much JSON', `{"x":"${'a'.repeat(5 * MIB)}","inputs":[]}`, 413, /raw bytes/],
    ['too large a body', Buffer.alloc(17 * MIB), 413, /larger/],
    [
      'an answer of too much JSON',
      withBytes({ inputs: [raw({ shape: [2, 2, 1024, 1024], parameters: { binary_data_size: 4 * MIB } })] }, 4 * MIB),
      400,
      /binary_data_output/,
    ],
  ];
  for (const [what, given, status, words] of cases) {
    const began = performance.now();
    const [body, headers] = Array.isArray(given) ? given : [given, {}];
    const answer = await post(floor, body, headers);
    assert.equal(answer.status, status, `${what}: ${answer.text.slice(0, 300)}`);
    const { error } = JSON.parse(answer.text) as { error: string };
    assert.match(error, words, what);
    assert.ok(performance.now() - began < 20_000, `${what} took ${performance.now() - began} ms`);
  }
  assert.equal((await post(floor, JSON.stringify({ inputs: [pair()] }))).status, 200, 'and the next good one is answered');
});

test('whatever bytes come and wherever they are cut: 200 for what is whole, 4xx for the rest', async (t) => {
  const floor = await ready(t);
  const { body, headLength } = joinBody({ id: 'x', parameters: { binary_data_output: true } }, 'inputs', {
    pair: { type: 'uint8', dims: [1, 2, 8, 8], data: new Uint8Array(128) },
  });
  const change = fc.record({ at: fc.nat(body.length - 1), byte: fc.nat(255), cut: fc.nat(40), length: fc.integer({ min: -20, max: 20 }) });
  const value = fc.oneof(fc.integer(), fc.double(), fc.string(), fc.boolean(), fc.constant(null), fc.array(fc.integer(), { maxLength: 6 }));
  await fc.assert(
    fc.asyncProperty(change, async ({ at, byte, cut, length }) => {
      const changed = Buffer.from(body.subarray(0, body.length - (cut > 20 ? 0 : cut)));
      if (at < changed.length) changed[at] = byte;
      const { status, text } = await post(floor, changed, { [LENGTH]: String(headLength + (Math.abs(length) > 10 ? 0 : length)) });
      assert.ok(status === 200 || status === 400, `${status}: ${text.slice(0, 200)}`);
    }),
    { numRuns: 150 },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.record(
        { name: value, datatype: value, shape: value, data: value, parameters: value, id: value, outputs: value },
        { requiredKeys: [] },
      ),
      async ({ id, outputs, parameters, ...tensor }) => {
        const request = { id, outputs, parameters, inputs: [{ ...pair(), ...tensor }] };
        const { status, text } = await post(floor, JSON.stringify(request));
        assert.ok(status === 200 || status === 400, `${status}: ${text.slice(0, 200)}`);
        if (status === 400) assert.equal(typeof (JSON.parse(text) as { error: unknown }).error, 'string');
      },
    ),
    { numRuns: 150 },
  );
});

test('busy, late and elsewhere are told apart, and a busy platform says when to come again', async (t) => {
  const floor = await ready(t);
  const large = joinBody({ parameters: { binary_data_output: true, timeout: 1000 } }, 'inputs', {
    pair: { type: 'uint8', dims: [8, 2, 1024, 1024], data: new Uint8Array(16 * MIB) },
  });
  const late = await post(floor, large.body, { [LENGTH]: String(large.headLength) });
  assert.equal(late.status, 504, late.text.slice(0, 200));
  assert.match((JSON.parse(late.text) as { error: string }).error, /within the time/);
  const small = JSON.stringify({ inputs: [pair()], parameters: { timeout: 20_000_000 } });
  const answers = await Promise.all(Array.from({ length: 60 }, () => post(floor, small)));
  const refused = answers.filter(({ status }) => status === 429);
  assert.equal(answers.filter(({ status }) => status === 200).length + refused.length, 60);
  assert.ok(refused.length > 0 && refused.every(({ headers }) => headers['retry-after'] === '1'));
  assert.equal((await post(floor, small)).status, 200, 'there is room again');
});

test('a process whose models run in another one says so, and that another connection may reach it', async (t) => {
  const floor = await openFloor(t, { disposition: false, workers: 0 });
  assert.equal((await floor.call('admin', 'GET', '/v2/health/ready')).status, 503);
  const answer = await post(floor, JSON.stringify({ inputs: [pair()] }));
  assert.deepEqual([answer.status, answer.headers['retry-after'], answer.headers.connection], [503, '1', 'close'], answer.text);
});
