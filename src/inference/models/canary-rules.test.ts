import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type CanaryFigures, type CanaryLimits, type Judged, judgeCanary } from './canary-rules.ts';

const LIMITS: CanaryLimits = { minBoards: 20, errorShare: 0.05, latencyRatio: 2, disagreement: 0.2 };
const judged = (more: Partial<Judged> = {}): Judged => ({ boards: 100, called: 10, faults: 0, p95: 20, ...more });
const figures = (
  canary: Partial<Judged>,
  looks: Partial<CanaryFigures['looks']> = {},
  production: Partial<Judged> = {},
): CanaryFigures => ({
  production: judged(production),
  canary: judged(canary),
  looks: { boards: 0, differing: 0, p95: null, ...looks },
});
const rule = (of: CanaryFigures) => judgeCanary(of, LIMITS)?.rule ?? null;

test('each way of being worse is found, with its figures in words', () => {
  assert.equal(rule(figures({})), null);
  assert.equal(rule(figures({ boards: 0, called: 0, faults: 3, p95: null })), 'errors', 'three tries, no answer');
  assert.equal(rule(figures({ faults: 2 })), null);
  assert.equal(rule(figures({ p95: 41 })), 'latency');
  assert.equal(rule(figures({ p95: 39 })), null);
  assert.equal(rule(figures({ called: 95 })), 'calls', 'it calls everything');
  assert.equal(rule(figures({ called: 0 }, {}, { called: 60 })), 'calls', 'it calls nothing any more');
  assert.equal(rule(figures({}, { boards: 40, differing: 30, p95: 20 })), 'disagreement');
  const breach = judgeCanary(figures({}, { boards: 40, differing: 30 }), LIMITS);
  assert.match(breach?.words ?? '', /30 of 40 of its boards otherwise \(at least 5\d\.\d %\)/);
});

test('few boards say nothing, a slow production is no fault of the canary, and without production boards its second looks are the measure', () => {
  assert.equal(rule(figures({ boards: 5, called: 5 }, { boards: 5, differing: 5 })), null);
  assert.equal(rule(figures({ p95: 90 }, {}, { p95: 50 })), null);
  const alone = { boards: 0, called: 0, p95: null };
  assert.equal(rule(figures({ p95: 90 }, { boards: 30, p95: 20 }, alone)), 'latency');
  assert.equal(rule(figures({ p95: 90 }, {}, alone)), null);
  assert.equal(rule(figures({ faults: 20 }, {}, { faults: 100 })), null, 'production fails as often');
});

const counts = fc.nat({ max: 1000 }).chain((boards) =>
  fc.record({
    boards: fc.constant(boards),
    called: fc.nat({ max: boards }),
    faults: fc.nat({ max: 50 }),
    p95: fc.double({ min: 0.1, max: 1000, noNaN: true }),
  }),
);
test('a canary that does exactly what production does is never rolled back by figures of its boards', () => {
  fc.assert(
    fc.property(counts, fc.nat({ max: 1000 }), (same, boards) => {
      const breach = judgeCanary({ production: same, canary: same, looks: { boards, differing: 0, p95: same.p95 } }, LIMITS);
      assert.equal(breach, null);
    }),
  );
});

test('more faults, more differences and a longer p95 never make a worse canary look better', () => {
  const more = fc.record({
    faults: fc.nat({ max: 20 }),
    differing: fc.nat({ max: 20 }),
    p95: fc.double({ min: 0, max: 100, noNaN: true }),
  });
  fc.assert(
    fc.property(counts, counts, fc.nat({ max: 500 }), more, (production, canary, looked, by) => {
      const before: CanaryFigures = {
        production,
        canary,
        looks: { boards: looked + 20, differing: Math.min(looked, 20), p95: production.p95 },
      };
      const after: CanaryFigures = {
        ...before,
        canary: { ...canary, faults: canary.faults + by.faults, p95: canary.p95 + by.p95 },
        looks: { ...before.looks, differing: Math.min(before.looks.boards, before.looks.differing + by.differing) },
      };
      if (judgeCanary(before, LIMITS) !== null) assert.notEqual(judgeCanary(after, LIMITS), null);
    }),
  );
});
