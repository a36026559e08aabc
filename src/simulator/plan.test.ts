import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nextLot, planUnit, rateAt } from './plan.ts';

test('lots are numbered on, over the end of a year’s numbers, and always fit the default pattern', () => {
  assert.equal(nextLot(undefined, 2026), 'LOT-2026-001');
  assert.equal(nextLot('LOT-2026-041', 2026), 'LOT-2026-042');
  assert.equal(nextLot('LOT-2026-999', 2026), 'LOT-2027-000');
  fc.assert(
    fc.property(fc.integer({ min: 1_000_000, max: 9_998_999 }), (number) => {
      const text = String(number);
      const last = `LOT-${text.slice(0, 4)}-${text.slice(4)}`;
      const next = nextLot(last, 2026);
      assert.match(next, /^LOT-\d{4}-\d{3}$/);
      assert.ok(next > last);
    }),
  );
});

test('the seed alone settles what is wrong with a unit', () => {
  for (let serial = 0; serial < 50; serial += 1) assert.deepEqual(planUnit(7, serial, 0.1), planUnit(7, serial, 0.1));
  const plans = Array.from({ length: 2000 }, (_, serial) => planUnit(7, serial, 0.1));
  const bad = plans.filter((plan) => plan.defects.length > 0).length / plans.length;
  assert.ok(bad > 0.07 && bad < 0.13, `${bad} of the units are bad`);
  assert.ok(plans.every((plan) => plan.defects.length <= 4));
});

test('of the first twenty boards at least four are bad whatever the seed; without a defect rate none is', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 999_999 }), (seed) => {
      const bad = (rate: number) =>
        Array.from({ length: 20 }, (_, serial) => planUnit(seed, serial, rate)).filter((plan) => plan.defects.length > 0).length;
      assert.ok(bad(0.1) >= 4);
      assert.equal(bad(0), 0);
    }),
  );
});

test('the line is fast while a newcomer looks on, then slow, and never faster than asked', () => {
  const pace = { fast: 40, slow: 2, fastMillis: 600_000 };
  assert.deepEqual([rateAt(0, pace), rateAt(599_999, pace), rateAt(600_000, pace)], [40, 40, 2]);
  assert.equal(rateAt(700_000, { ...pace, fast: 1 }), 1);
});
