import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { MeasurementLimit } from '../contracts/masterdata.ts';
import { judgeMeasurement, judgeMeasurements, type Measured } from './limits.ts';
import type { Policy } from './rules.ts';

const policy: Policy = {
  name: 'standard',
  version: 1,
  rules: { severity: { out_of_limits: 'high' }, fail_from: 'medium', review_band: 0.1, hold: { min_judged: 10, fail_fraction: 0.3 } },
};
const measured = (more: Partial<Measured> = {}): Measured => ({
  id: 'm',
  characteristic: 'R1',
  value: 5,
  unit: 'ohm',
  lsl: null,
  usl: null,
  target: null,
  ...more,
});
const limit = (more: Partial<MeasurementLimit> = {}): MeasurementLimit => ({ characteristic: 'R1', unit: 'ohm', lsl: 1, usl: 5, ...more });

test('limits themselves are inside, on both sides, and either may be missing', () => {
  const inLimits = (value: number, limits: MeasurementLimit) => judgeMeasurement(measured({ value }), [limits]).inLimits;
  assert.deepEqual(
    [1, 5, 0.999, 5.001].map((value) => inLimits(value, limit())),
    [true, true, false, false],
  );
  assert.equal(inLimits(1e9, limit({ usl: null })), true);
  assert.equal(inLimits(-1e9, limit({ lsl: null })), true);
});

test('the revision goes before what was posted; the posted counts where the revision is silent', () => {
  const posted = measured({ value: 7, lsl: 6, usl: 8 });
  assert.deepEqual(judgeMeasurement(posted, [limit()]).limits, { from: 'revision', lsl: 1, usl: 5, target: null });
  assert.equal(judgeMeasurement(posted, [limit()]).inLimits, false);
  for (const silent of [[], [limit({ characteristic: 'R2' })], [limit({ lsl: null, usl: null })]])
    assert.deepEqual([judgeMeasurement(posted, silent).limits?.from, judgeMeasurement(posted, silent).inLimits], ['posted', true]);
});

test('another unit than that of the limits is no comparison: a person must look, even where posted limits would fit', () => {
  const outcome = judgeMeasurement(measured({ unit: 'kohm', lsl: 0, usl: 10 }), [limit()]);
  assert.deepEqual([outcome.limits, outcome.inLimits], [null, null]);
  assert.match(outcome.lacking ?? '', /measured in kohm, its limits are in ohm/);
});

test('one value out fails whatever else is unknown; else one unknown waits; nothing measured waits', () => {
  const unknown = measured({ characteristic: 'R9' });
  const verdict = (...list: Measured[]) => {
    const judgement = judgeMeasurements(list, [limit()], policy);
    return judgement.kind === 'wait' ? judgement.reason : judgement.verdict;
  };
  assert.equal(verdict(measured()), 'pass');
  assert.equal(verdict(measured(), unknown), 'no_limits');
  assert.equal(verdict(measured({ value: 9 }), unknown), 'fail');
  assert.equal(verdict(), 'no_limits');
  const lenient: Policy = { ...policy, rules: { ...policy.rules, severity: { out_of_limits: 'low' } } };
  const judgement = judgeMeasurements([measured({ value: 9 })], [limit()], lenient);
  assert.equal(judgement.kind === 'verdict' && judgement.verdict, 'pass', 'a policy may let values out of limits pass');
});

test('reasons name what is out, at most three', () => {
  const out = ['A', 'B', 'C', 'D', 'E'].map((characteristic) => measured({ characteristic, value: 9, lsl: 1, usl: 5 }));
  const judgement = judgeMeasurements(out, [], policy);
  assert.equal(judgement.kind === 'verdict' && judgement.reason, '5 of 5 values out of limits: A, B, C and 2 more; standard 1');
});

test('pass means that every value has limits and lies in them', () => {
  const value = fc.record({
    value: fc.integer({ min: -20, max: 20 }),
    lsl: fc.option(fc.integer({ min: -10, max: 0 })),
    usl: fc.option(fc.integer({ min: 0, max: 10 })),
  });
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 8 }), (values) => {
      const judgement = judgeMeasurements(
        values.map((more) => measured(more)),
        [],
        policy,
      );
      const passes = values.every(({ value: at, lsl, usl }) => (lsl !== null || usl !== null) && at >= (lsl ?? -99) && at <= (usl ?? 99));
      assert.equal(judgement.kind === 'verdict' && judgement.verdict === 'pass', passes);
    }),
  );
});
