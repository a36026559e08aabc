import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TENSOR_LIMITS } from '../../src/inference/protocol/binary-tensors.ts';
import type { ModelRuntime, Tensors } from '../../src/inference/runtime/runtime.ts';

export interface RuntimeUnderTest {
  runtime: ModelRuntime;
  /** A model of the board contract that it holds ready. */
  model: string;
  version: number;
}

/** One pair of 64 x 64 with a block of 8 x 8 that lacks copper at (24, 16). */
function pair(): Tensors {
  const data = new Uint8Array(2 * 64 * 64);
  for (let y = 16; y < 24; y += 1) data.fill(1, y * 64 + 24, y * 64 + 32);
  return { pair: { type: 'uint8', dims: [1, 2, 64, 64], data } };
}

/** A version that comes after all that it holds of a model. */
const unheld = (runtime: ModelRuntime, model: string) =>
  1 + Math.max(...runtime.models().map((key) => (key.model === model ? key.version : 0)));

/** What every maker of `ModelRuntime` must do. `open` starts one and closes it at the end of the test. */
export function runtimeContract(name: string, open: (t: { after(fn: () => Promise<void>): void }) => Promise<RuntimeUnderTest>): void {
  test(`${name}: names itself and its models, and is ready for those alone`, async (t) => {
    const { runtime, model, version } = await open(t);
    assert.match(runtime.name, /\S/);
    assert.ok(runtime.models().some((key) => key.model === model && key.version === version));
    assert.equal(runtime.ready(model, version), true);
    assert.equal(runtime.ready(model, unheld(runtime, model)), false);
    assert.equal(runtime.ready('nobody', 1), false);
  });

  test(`${name}: answers maps of the contract's form, the same every time, also to several at once`, async (t) => {
    const { runtime, model, version } = await open(t);
    const answers = await Promise.all([1, 2, 3, 4].map(() => runtime.infer({ model, version, tensors: pair() })));
    for (const outputs of answers) {
      assert.deepEqual(outputs.heat?.dims, [1, 6, 8, 8]);
      assert.deepEqual(outputs.ltrb?.dims, [1, 4, 8, 8]);
      assert.ok([...(outputs.heat?.data ?? [])].every((score) => score >= 0 && score <= 1));
      assert.deepEqual(outputs.heat?.data, answers[0]?.heat?.data);
    }
  });

  test(`${name}: says with every answer who ran it, and each output has the bytes of its shape`, async (t) => {
    const { runtime, model, version } = await open(t);
    const told: string[] = [];
    const outputs = await runtime.infer({ model, version, tensors: pair(), id: 'operation/0', answeredBy: (by) => told.push(by) });
    assert.deepEqual(told, [runtime.name]);
    for (const { type, dims, data } of Object.values(outputs))
      assert.equal(
        data.byteLength,
        dims.reduce((product, axis) => product * axis, type === 'float32' ? 4 : 1),
      );
  });

  test(`${name}: takes and answers more than 4 MiB at once`, async (t) => {
    const { runtime, model, version } = await open(t);
    const data = new Uint8Array(2 * 2 * 2000 * 2000);
    assert.ok(data.byteLength < TENSOR_LIMITS.bytes);
    const outputs = await runtime.infer({ model, version, tensors: { pair: { type: 'uint8', dims: [2, 2, 2000, 2000], data } } });
    assert.deepEqual(outputs.heat?.dims, [2, 6, 250, 250]);
    assert.equal((outputs.heat?.data.byteLength ?? 0) + (outputs.ltrb?.data.byteLength ?? 0), 5_000_000);
  });

  test(`${name}: among the runs that wait the higher priority goes first, and one that is given up meanwhile is RuntimeAway`, async (t) => {
    const { runtime, model, version } = await open(t);
    const order: number[] = [];
    const big = () => ({ pair: { type: 'uint8' as const, dims: [1, 2, 800, 800], data: new Uint8Array(2 * 800 * 800) } });
    const run = (priority: number) => runtime.infer({ model, version, priority, tensors: big() }).then(() => order.push(priority));
    // As many as the most that any maker under test runs at once, then those that wait: many, as the thread of the 9 may be kept from its core.
    const running = [1, 1, 1, 1].map(run);
    const gone = AbortSignal.timeout(1);
    const given = assert.rejects(runtime.infer({ model, version, tensors: big(), priority: 1, signal: gone }), { name: 'RuntimeAway' });
    await Promise.all([...running, ...[...Array<number>(7).fill(2), 9].map(run), given]);
    assert.ok(order.indexOf(9) < order.lastIndexOf(2), order.join(' '));
  });

  test(`${name}: a model it does not hold, or a wish given up, is RuntimeAway and costs no attempt`, async (t) => {
    const { runtime, model, version } = await open(t);
    await assert.rejects(runtime.infer({ model, version: unheld(runtime, model), tensors: pair() }), { name: 'RuntimeAway' });
    await assert.rejects(runtime.infer({ model, version, tensors: pair(), signal: AbortSignal.abort() }), { name: 'RuntimeAway' });
  });

  test(`${name}: an input that does not fit the model is RunFailed, and the next run is answered`, async (t) => {
    const { runtime, model, version } = await open(t);
    const bad: Tensors = { pair: { type: 'uint8', dims: [1, 3, 8, 8], data: new Uint8Array(192) } };
    await assert.rejects(runtime.infer({ model, version, tensors: bad }), { name: 'RunFailed' });
    assert.ok((await runtime.infer({ model, version, tensors: pair() })).heat);
  });

  test(`${name}: after close every run is RuntimeAway`, async (t) => {
    const { runtime, model, version } = await open(t);
    await runtime.close();
    await assert.rejects(runtime.infer({ model, version, tensors: pair() }), { name: 'RuntimeAway' });
  });
}
