import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLimiter } from './limits.ts';

/** Asks as fast as may be, `share` of the time at the first process, and exchanges what was taken every 100 ms as the processes do. */
function admitted(seconds: number, share: number): number {
  let clock = 0;
  const limiters = [0, 1].map(() => createLimiter({ rate: 1000, burst: 1000, now: () => clock }));
  const ends = limiters.map((limiter) => limiter.share());
  let given = 0;
  for (let ms = 0; ms < seconds * 1000; ms += 1) {
    clock = ms;
    for (let request = 0; request < 10; request += 1) {
      const at = request < share * 10 ? 0 : 1;
      if (limiters[at]?.take('client')) given += 1;
    }
    if (ms % 100 === 0)
      for (const [from, end] of ends.entries()) for (const [key, count] of end.takings()) ends[1 - from]?.charge(key, count);
  }
  return given;
}

test('two processes that share a limit give the rate together, on whichever of them the client is', () => {
  for (const share of [1, 0.5, 0.2]) {
    const given = admitted(20, share);
    const owed = 1000 + 20 * 1000;
    assert.ok(Math.abs(given - owed) < owed * 0.05, `${given} for ${owed} with ${share} on the first`);
  }
});

test('a limiter that nobody shares with counts for itself', () => {
  const limiter = createLimiter({ rate: 1, burst: 2, now: () => 0 });
  assert.deepEqual([limiter.take('a'), limiter.take('a'), limiter.take('a'), limiter.take('b')], [true, true, false, true]);
});
