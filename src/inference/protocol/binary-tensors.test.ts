import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Tensor, Tensors } from '../runtime/runtime.ts';
import { byteLengthOf, joinBody, readTensors, splitBody, TENSOR_LIMITS, tensorFrom } from './binary-tensors.ts';

const tensor = fc
  .tuple(fc.boolean(), fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 }))
  .chain(([whole, dims]): fc.Arbitrary<Tensor> => {
    const count = dims.reduce((product, axis) => product * axis, 1);
    return whole
      ? fc.uint8Array({ minLength: count, maxLength: count }).map((data) => ({ type: 'uint8' as const, dims, data }))
      : fc.float32Array({ minLength: count, maxLength: count }).map((data) => ({ type: 'float32' as const, dims, data }));
  });
const tensors = fc.dictionary(fc.string({ minLength: 1, maxLength: 12 }), tensor, { maxKeys: 5, noNullPrototype: true });

test('what is joined is what is read, whatever the names, the shapes and where the raw bytes begin', () => {
  fc.assert(
    fc.property(tensors, fc.constantFrom('inputs' as const, 'outputs' as const), fc.nat(7), (given, list, shift) => {
      const { body, headLength } = joinBody({ id: 'a' }, list, given);
      // At an odd offset of its memory, as a body off the wire may lie.
      const moved = new Uint8Array(body.byteLength + shift).subarray(shift);
      moved.set(body);
      const { head, rest } = splitBody(moved, headLength);
      assert.equal(head.id, 'a');
      assert.deepEqual(readTensors(head[list], rest), { ...given });
    }),
  );
});

test('numbers in JSON, flat or nested, are the same tensor', () => {
  const flat = { name: 'x', datatype: 'UINT8', shape: [2, 2], data: [1, 2, 3, 255] };
  const nested = {
    ...flat,
    data: [
      [1, 2],
      [3, 255],
    ],
  };
  const want: Tensors = { x: { type: 'uint8', dims: [2, 2], data: Uint8Array.of(1, 2, 3, 255) } };
  for (const entry of [flat, nested]) assert.deepEqual(readTensors([entry], new Uint8Array()), want);
});

test('a body cut anywhere, or longer than its head says, is refused and never read as numbers', () => {
  const given: Tensors = { y: { type: 'float32', dims: [1, 3], data: Float32Array.of(1, 2, 3) } };
  const { body, headLength } = joinBody({}, 'outputs', given);
  for (const length of [...Array(body.byteLength).keys(), body.byteLength + 1]) {
    const bytes = new Uint8Array(length);
    bytes.set(body.subarray(0, length));
    assert.throws(
      () => {
        const { head, rest } = splitBody(bytes, headLength);
        readTensors(head.outputs, rest);
      },
      { name: 'BadTensors' },
      `of ${length} bytes`,
    );
  }
});

test('a right shape with no bytes is no tensor', () => {
  assert.equal(byteLengthOf('FP32', [1, 6, 8, 8]), 1536);
  assert.throws(() => tensorFrom({ name: 'heat', datatype: 'FP32', shape: [1, 6, 8, 8] }, new Uint8Array(0)), /0 bytes in place of 1536/);
});

test('what does not fit the limits or the form is refused in words', () => {
  const x = { name: 'x', datatype: 'UINT8', shape: [1], data: [1] };
  const cases: [unknown, RegExp][] = [
    ['x', /list/],
    [Array(TENSOR_LIMITS.tensors + 1).fill(x), /list/],
    [[x, x], /twice/],
    [[{ ...x, name: '' }], /name/],
    [[{ ...x, datatype: 'BYTES' }], /BYTES/],
    [[{ ...x, shape: [-1] }], /no size/],
    [[{ ...x, shape: [0.5] }], /no size/],
    [[{ ...x, shape: [2 ** 30, 2 ** 30] }], /too large/],
    [[{ ...x, shape: [2 ** 27] }], /more than/],
    [[{ ...x, shape: [1, 1, 1, 1, 1, 1, 1, 1, 1] }], /shape/],
    [[{ ...x, data: [256] }], /no UINT8/],
    [[{ ...x, data: [0.5] }], /no UINT8/],
    [[{ ...x, data: [1, 2] }], /more than 1/],
    [[{ ...x, data: [] }], /0 values/],
    [[{ ...x, data: 'AQ==' }], /neither/],
    [[{ ...x, parameters: { binary_data_size: 2 } }], /0 are left/],
    [[{ ...x, parameters: { binary_data_size: '1' } }], /bytes/],
  ];
  for (const [entries, words] of cases) assert.throws(() => readTensors(entries, new Uint8Array()), { name: 'BadTensors', message: words });
  const deep = JSON.parse(`${'['.repeat(50)}1${']'.repeat(50)}`);
  assert.throws(() => readTensors([{ ...x, data: deep }], new Uint8Array()), /nested/);
  assert.throws(() => splitBody(Buffer.from('{}'), 3), /head has 3 bytes/);
  assert.throws(() => splitBody(Buffer.from('[]'), null), /no object/);
  assert.throws(() => splitBody(Buffer.from('{'), null), /no JSON/);
  assert.throws(() => splitBody(Buffer.alloc(70_000, ' '), 70_000), /more than 65536/);
});
