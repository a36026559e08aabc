import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BREAKER_LIMITS, type Breaker, failed, mayProbe, probe, probed, succeeded, trip, untried } from './breaker.ts';

const limits = BREAKER_LIMITS;
const closed = (): Breaker => probed(probe(untried(0), 0), true, 0);

test('nothing is let through before the first probe was good', () => {
  assert.equal(untried(5).state, 'open');
  assert.equal(mayProbe(untried(5), 5), true);
  assert.equal(closed().state, 'closed');
});

test('five failures in a row open it; a success of the same source begins anew, one of another does not', () => {
  let breaker = closed();
  for (let at = 0; at < 4; at += 1) breaker = failed(breaker, 'run', at * 1000);
  breaker = failed(succeeded(breaker, 'run'), 'run', 4000);
  assert.equal(breaker.state, 'closed');
  for (let at = 5; at < 9; at += 1) breaker = failed(succeeded(breaker, 'beat'), 'run', at * 1000);
  assert.equal(breaker.state, 'open');
});

test('what fails together counts once', () => {
  let breaker = closed();
  for (let at = 0; at < 50; at += 1) breaker = failed(breaker, 'run', 1000 + at);
  assert.equal(breaker.failures.run?.count, 1);
});

test('the first probe goes after a second, then the wait doubles to ten; a good one forgets it', () => {
  let now = 0;
  let breaker = trip(closed(), now);
  const waits: number[] = [];
  for (let round = 0; round < 6; round += 1) {
    waits.push(breaker.probeAt - now);
    assert.equal(mayProbe(breaker, breaker.probeAt - 1), false);
    now = breaker.probeAt;
    breaker = probed(probe(breaker, now), false, now);
  }
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 10_000, 10_000]);
  now = breaker.probeAt;
  breaker = trip(probed(probe(breaker, now), true, now), now);
  assert.equal(breaker.probeAt - now, 1000);
});

test('whatever happens: open only after five failures in a row or a trip, closed only by a good probe, one probe at a time, waits within bounds', () => {
  const step = fc.record({
    does: fc.constantFrom('run-', 'run+', 'beat-', 'beat+', 'trip', 'probe', 'good', 'bad'),
    after: fc.integer({ min: 0, max: 3000 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      let now = 0;
      let breaker = untried(0);
      let row: Record<string, number[]> = {};
      for (const { does, after } of steps) {
        now += after;
        const before = breaker;
        const source = does.slice(0, -1);
        if (does.endsWith('-')) {
          breaker = failed(breaker, source, now);
          row[source] = [...(row[source] ?? []), now];
        } else if (does.endsWith('+')) {
          breaker = succeeded(breaker, source);
          row[source] = [];
        } else if (does === 'trip') breaker = trip(breaker, now);
        else if (does === 'probe') {
          if (mayProbe(breaker, now)) breaker = probe(breaker, now);
          else assert.throws(() => probe(breaker, now));
        } else breaker = probed(breaker, does === 'good', now);
        if (before.state === breaker.state) continue;
        if (breaker.state === 'closed') {
          assert.deepEqual([before.state, does], ['probing', 'good']);
          row = {};
        }
        if (breaker.state === 'probing') assert.ok(before.state === 'open' && now >= before.probeAt);
        if (breaker.state === 'open') {
          assert.ok(breaker.waitMs >= limits.firstWaitMs && breaker.waitMs <= limits.mostWaitMs);
          assert.equal(breaker.probeAt, now + breaker.waitMs);
          if (before.state === 'closed' && does !== 'trip') assert.ok((row[source]?.length ?? 0) >= limits.failures);
        }
      }
    }),
  );
});
