import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { closeInReverse, createLifecycle } from './lifecycle.ts';

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

test('SIGTERM: not ready at once, then the rest is finished, then 0; a second signal is 1 at once', async () => {
  const lifecycle = createLifecycle({ drainDelayMs: 30, shutdownTimeoutMs: 1000, log });
  const steps: string[] = [];
  const undo = lifecycle.onSignals(
    async () => void steps.push(`stop ${lifecycle.inFlight}`),
    (code) => void steps.push(`exit ${code}`),
  );
  try {
    lifecycle.serving();
    lifecycle.enter();
    process.emit('SIGTERM', 'SIGTERM');
    assert.equal(lifecycle.phase, 'draining');
    assert.equal(lifecycle.signal.aborted, false, 'waits go on during the delay');
    await sleep(60);
    assert.equal(lifecycle.signal.aborted, true);
    assert.deepEqual(steps, []);
    process.emit('SIGTERM', 'SIGTERM');
    assert.deepEqual(steps, ['exit 1']);
    lifecycle.leave();
    await sleep(60);
    assert.deepEqual(steps, ['exit 1', 'stop 0', 'exit 0']);
    assert.equal(lifecycle.phase, 'stopped');
  } finally {
    undo();
  }
});

test('what does not end in time is left behind, and a stop that fails is an exit of 1', async () => {
  const lifecycle = createLifecycle({ drainDelayMs: 0, shutdownTimeoutMs: 60, log });
  lifecycle.enter();
  const began = performance.now();
  await lifecycle.drain();
  const took = performance.now() - began;
  assert.ok(took >= 50 && took < 20_000, `${took}`);
  const codes: number[] = [];
  const undo = lifecycle.onSignals(
    async () => assert.fail('no'),
    (code) => void codes.push(code),
  );
  try {
    process.emit('SIGINT', 'SIGINT');
    await sleep(20);
    assert.deepEqual(codes, [1]);
  } finally {
    undo();
  }
});

test('what comes after the drain delay is not waited for: a program that is asked without pause stops all the same', async () => {
  const lifecycle = createLifecycle({ drainDelayMs: 40, shutdownTimeoutMs: 20_000, log });
  assert.equal(lifecycle.enter(), true);
  const began = performance.now();
  const drained = lifecycle.drain();
  assert.equal(lifecycle.enter(), true, 'during the delay it counts');
  lifecycle.leave();
  await sleep(80);
  assert.equal(lifecycle.enter(), false);
  assert.equal(lifecycle.inFlight, 1);
  lifecycle.leave();
  await drained;
  assert.ok(performance.now() - began < 10_000);
});

test('what was opened is closed in reverse to the end, whatever fails, and the first fault is told', async () => {
  const closed: string[] = [];
  const closer = (name: string, fault?: Error) => async () => {
    closed.push(name);
    if (fault) throw fault;
  };
  const first = new Error('the files');
  const opened = [closer('server'), closer('database', new Error('the pool')), closer('files', first)];
  await assert.rejects(closeInReverse(opened), first);
  assert.deepEqual(closed, ['files', 'database', 'server']);
  await closeInReverse(opened);
  assert.equal(closed.length, 3, 'once');
});
