import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureTriton } from '../proof/triton.ts';

const skip = !process.env.TEST_TRITON && 'TEST_TRITON is not set';

test('Triton is stopped, killed, unreachable and left without its model process under load: the breaker opens, every board is judged once', {
  skip,
  timeout: 290_000,
}, async (t) => {
  const figures = await measureTriton(
    { faults: ['stop', 'kill', 'hole', 'stub'], protocol: 'grpc', fallback: false, awaySeconds: 6, steadySeconds: 1, aSecond: 1 },
    (text) => t.diagnostic(text),
  );
  assert.deepEqual(figures.wrong, []);
  assert.deepEqual(Object.keys(figures.runtimes), ['triton 2.51.0 grpc']);
  for (const { fault, openedSeconds, recoveredSeconds, waiting, readyAlways, degraded } of figures.faults) {
    assert.ok(readyAlways, `${fault}: live and ready all the time`);
    assert.ok(recoveredSeconds < 15, `${fault}: used again after ${recoveredSeconds} s`);
    if (fault === 'stub') continue;
    assert.ok(openedSeconds !== null && openedSeconds < 10, `${fault}: open after ${openedSeconds} s`);
    assert.ok(degraded && waiting > 0, `${fault}: health tells, and boards are seen to wait`);
  }
  assert.ok(figures.reloads >= 1);
});

test('with the fall-back boards are judged while Triton is stopped, and each record names who ran it', {
  skip,
  timeout: 200_000,
}, async (t) => {
  const figures = await measureTriton(
    { faults: ['stop'], protocol: 'http', fallback: true, awaySeconds: 10, steadySeconds: 1, aSecond: 1 },
    (text) => t.diagnostic(text),
  );
  assert.deepEqual(figures.wrong, []);
  const names = Object.keys(figures.runtimes).sort();
  assert.match(names[0] ?? '', /^onnxruntime-node \S+ cpu$/);
  assert.match(names.at(-1) ?? '', /^triton 2\.51\.0 http$/);
  assert.ok(figures.faults.every(({ readyAlways, degraded }) => readyAlways && degraded));
});
