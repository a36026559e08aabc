import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { effectOfReview, type ReviewedDefect, type ReviewedInspection } from './review-rules.ts';

const rules = { severity: {}, fail_from: 'medium' as const, review_band: 0.1, hold: { min_judged: 10, fail_fraction: 0.3 } };
const waiting: ReviewedInspection = { status: 'awaiting_review', verdict: null, reason: 'uncertain', byHand: false };
const failed: ReviewedInspection = { status: 'completed', verdict: 'fail', reason: 'words', byHand: false };
const passed: ReviewedInspection = { ...failed, verdict: 'pass' };
const defects = (...states: string[]): ReviewedDefect[] =>
  states.map((state) => ({
    severity: state.startsWith('minor ') ? 'low' : 'critical',
    state: state.replace('minor ', '') as ReviewedDefect['state'],
  }));

test('the table of what a review makes of an inspection', () => {
  const table: [ReviewedInspection, string[], string][] = [
    [waiting, ['proposed', 'rejected'], 'none'],
    [waiting, ['confirmed', 'proposed'], 'none'],
    [waiting, ['confirmed', 'rejected'], 'complete fail'],
    [waiting, ['minor confirmed', 'rejected'], 'complete pass'],
    [waiting, ['rejected'], 'complete pass'],
    [{ ...waiting, reason: 'model_failed' }, ['rejected'], 'none'],
    [failed, ['confirmed', 'rejected'], 'none'],
    [failed, ['rejected', 'proposed'], 'none'],
    [failed, ['rejected', 'minor proposed'], 'revise pass'],
    [failed, ['rejected', 'rejected'], 'revise pass'],
    [{ ...failed, byHand: true }, ['rejected'], 'none'],
    [passed, ['minor proposed', 'confirmed'], 'revise fail'],
    [passed, ['rejected'], 'none'],
    [{ ...passed, byHand: true }, ['confirmed'], 'revise fail'],
    [{ ...passed, verdict: 'inconclusive' }, ['rejected'], 'none'],
    [{ ...passed, verdict: 'inconclusive' }, ['confirmed'], 'revise fail'],
    [{ ...failed, status: 'cancelled', verdict: null }, ['confirmed'], 'none'],
    [{ ...failed, status: 'in_progress', verdict: null }, ['confirmed'], 'none'],
  ];
  for (const [inspection, states, expected] of table) {
    const effect = effectOfReview(inspection, defects(...states), rules);
    assert.equal(effect.kind === 'none' ? 'none' : `${effect.kind} ${effect.verdict}`, expected, `${JSON.stringify(inspection)} ${states}`);
  }
});

test('an effect always changes something, and a second look at the same defects changes nothing', () => {
  const defect = fc.record({
    severity: fc.constantFrom('low', 'medium', 'critical'),
    state: fc.constantFrom('proposed', 'confirmed', 'rejected'),
  });
  const start = fc.constantFrom(waiting, failed, passed, { ...failed, byHand: true });
  fc.assert(
    fc.property(start, fc.array(defect as fc.Arbitrary<ReviewedDefect>, { minLength: 1, maxLength: 6 }), (inspection, list) => {
      const effect = effectOfReview(inspection, list, rules);
      if (effect.kind === 'none') return;
      assert.notEqual(effect.verdict, inspection.verdict);
      const after = { status: 'completed' as const, verdict: effect.verdict, reason: 'words', byHand: false };
      assert.equal(effectOfReview(after, list, rules).kind, 'none');
    }),
  );
});
