import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Verdict } from '../contracts/inspections.ts';
import { effectOfReview, type ReviewedDefect, type ReviewedInspection } from './review-rules.ts';

const rules = { severity: {}, fail_from: 'medium' as const, review_band: 0.1, hold: { min_judged: 10, fail_fraction: 0.3 } };
const waiting: ReviewedInspection = { status: 'awaiting_review', verdict: null, reason: 'uncertain', otherwise: null };
const failed: ReviewedInspection = { status: 'completed', verdict: 'fail', reason: 'words', otherwise: null };
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
    [{ ...failed, otherwise: 'fail' }, ['rejected'], 'none'],
    [passed, ['minor proposed', 'confirmed'], 'revise fail'],
    [passed, ['rejected'], 'none'],
    [{ ...passed, otherwise: 'pass' }, ['confirmed'], 'revise fail'],
    [{ ...passed, verdict: 'inconclusive' }, ['rejected'], 'none'],
    [{ ...passed, verdict: 'inconclusive' }, ['confirmed'], 'revise fail'],
    [{ ...failed, otherwise: 'inconclusive' }, ['rejected'], 'revise inconclusive'],
    [{ ...failed, otherwise: 'inconclusive' }, ['rejected', 'proposed'], 'none'],
    [{ ...failed, otherwise: 'pass' }, ['rejected'], 'revise pass'],
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
  const start = fc.constantFrom<ReviewedInspection>(
    waiting,
    failed,
    passed,
    { ...failed, otherwise: 'fail' },
    { ...failed, otherwise: 'inconclusive' },
  );
  fc.assert(
    fc.property(start, fc.array(defect as fc.Arbitrary<ReviewedDefect>, { minLength: 1, maxLength: 6 }), (inspection, list) => {
      const effect = effectOfReview(inspection, list, rules);
      if (effect.kind === 'none') return;
      assert.notEqual(effect.verdict, inspection.verdict);
      const after = { ...inspection, status: 'completed' as const, verdict: effect.verdict, reason: 'words' };
      assert.equal(effectOfReview(after, list, rules).kind, 'none');
    }),
  );
});

test('however a unit that was judged by hand is reviewed, with all its defects rejected it is what the person said of it', () => {
  const severity = fc.constantFrom<ReviewedDefect['severity']>('low', 'medium', 'critical');
  const word = fc.record({ at: fc.nat(3), state: fc.constantFrom<ReviewedDefect['state']>('confirmed', 'rejected') });
  const verdicts = fc.constantFrom<Verdict>('pass', 'fail', 'inconclusive');
  fc.assert(
    fc.property(
      verdicts,
      fc.array(severity, { minLength: 1, maxLength: 4 }),
      fc.array(word, { maxLength: 12 }),
      (said, severities, words) => {
        const list: ReviewedDefect[] = severities.map((one) => ({ severity: one, state: 'proposed' }));
        const unit: ReviewedInspection = { status: 'completed', verdict: said, reason: 'words', otherwise: said };
        const all = [...words, ...list.map((_, at) => ({ at, state: 'rejected' as const }))];
        for (const { at, state } of all) {
          const defect = list[at % list.length] as ReviewedDefect;
          defect.state = state;
          const effect = effectOfReview(unit, list, rules);
          if (effect.kind !== 'none') unit.verdict = effect.verdict;
        }
        assert.equal(unit.verdict, said);
      },
    ),
  );
});
