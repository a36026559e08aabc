import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BOARD_CLASSES, SEVERITIES } from '../contracts/defects.ts';
import type { Candidate } from '../contracts/inference.ts';
import { judgeFindings, type Policy } from './rules.ts';
import { fails, severityOf } from './severity.ts';

const box = { x: 0, y: 0, width: 8, height: 8 };
const standard: Policy = {
  name: 'standard',
  version: 1,
  rules: {
    severity: {
      open: 'critical',
      short: 'critical',
      mousebite: 'medium',
      spur: 'low',
      spurious_copper: 'medium',
      pin_hole: 'medium',
      out_of_limits: 'high',
    },
    fail_from: 'medium',
    review_band: 0.1,
    hold: { min_judged: 10, fail_fraction: 0.3 },
  },
};
const half = Object.fromEntries(BOARD_CLASSES.map((name) => [name, 0.5]));
const found = (...list: [Candidate['class'], number][]) => list.map(([name, score]) => ({ class: name, score, box }));

test('a verdict says in words what it stands on, worst first', () => {
  const many = judgeFindings(found(['mousebite', 0.6], ['open', 0.9], ['open', 0.5], ['pin_hole', 0.2]), standard, half);
  assert.deepEqual(
    [many.kind, many.kind === 'verdict' && many.verdict, many.kind === 'verdict' && many.reason],
    ['verdict', 'fail', '2 open, 1 mousebite over their thresholds; standard 1'],
  );
  assert.equal(many.defects.length, 3);
  const none = judgeFindings(found(['open', 0.4]), standard, half);
  assert.deepEqual(
    [none.kind === 'verdict' && none.verdict, none.kind === 'verdict' && none.reason],
    ['pass', 'no defect over its threshold; standard 1'],
  );
});

test('the threshold is inside, the review band is open at its lower end', () => {
  const kind = (score: number) => {
    const judgement = judgeFindings(found(['open', score]), standard, half);
    return judgement.kind === 'wait' ? 'wait' : judgement.verdict;
  };
  assert.deepEqual([0.5, 0.4999, 0.41, 0.4, 0.39].map(kind), ['fail', 'wait', 'wait', 'pass', 'pass']);
});

test('a near miss waits only where it would fail the board; below fail_from it is neither', () => {
  assert.equal(judgeFindings(found(['spur', 0.45]), standard, half).kind, 'verdict');
  const minor = judgeFindings(found(['spur', 0.8]), standard, half);
  assert.deepEqual([minor.kind === 'verdict' && minor.verdict, minor.defects.length], ['pass', 1]);
  const both = judgeFindings(found(['spur', 0.8], ['open', 0.45]), standard, half);
  assert.deepEqual([both.kind, both.defects.length], ['wait', 2]);
});

const candidates = fc.array(
  fc.record({ class: fc.constantFrom(...BOARD_CLASSES), score: fc.double({ min: 0.05, max: 1, noNaN: true }), box: fc.constant(box) }),
  { maxLength: 20 },
);
const policies = fc
  .record({
    severity: fc.dictionary(fc.constantFrom(...BOARD_CLASSES), fc.constantFrom(...SEVERITIES)),
    fail_from: fc.constantFrom(...SEVERITIES),
    review_band: fc.double({ min: 0, max: 0.5, noNaN: true }),
    hold: fc.constant({ min_judged: 1, fail_fraction: 1 }),
  })
  .map((rules): Policy => ({ name: 'any', version: 2, rules }));
const limits = fc.record(Object.fromEntries(BOARD_CLASSES.map((name) => [name, fc.double({ min: 0, max: 1, noNaN: true })])));
const RANK = { pass: 0, wait: 1, fail: 2 };
const rank = (list: Candidate[], policy: Policy, thresholds: Record<string, number>) => {
  const judgement = judgeFindings(list, policy, thresholds);
  return RANK[judgement.kind === 'wait' ? 'wait' : judgement.verdict];
};

test('fail if and only if a failing defect reaches its threshold', () => {
  fc.assert(
    fc.property(candidates, policies, limits, (list, policy, thresholds) => {
      const failing = list.some(
        (one) => one.score >= (thresholds[one.class] ?? 0) && fails(severityOf(one.class, policy.rules), policy.rules),
      );
      assert.equal(rank(list, policy, thresholds) === RANK.fail, failing);
    }),
  );
});

test('more findings, higher scores and lower thresholds never make a board better', () => {
  fc.assert(
    fc.property(
      candidates,
      candidates,
      policies,
      limits,
      fc.double({ min: 0, max: 1, noNaN: true }),
      (list, more, policy, thresholds, lift) => {
        const before = rank(list, policy, thresholds);
        assert.ok(rank([...list, ...more], policy, thresholds) >= before);
        assert.ok(
          rank(
            list.map((one) => ({ ...one, score: Math.min(1, one.score + lift) })),
            policy,
            thresholds,
          ) >= before,
        );
        assert.ok(
          rank(list, policy, Object.fromEntries(Object.entries(thresholds).map(([name, at]) => [name, Math.max(0, at - lift)]))) >= before,
        );
      },
    ),
  );
});

test('a class without a threshold and a class without a severity are taken at their worst', () => {
  assert.equal(rank(found(['open', 0.06]), standard, {}), RANK.fail);
  assert.equal(
    rank(found(['open', 0.9]), { ...standard, rules: { ...standard.rules, severity: {}, fail_from: 'critical' } }, half),
    RANK.fail,
  );
});
