import assert from 'node:assert/strict';
import { test } from 'node:test';
import { holdReason } from './hold-rules.ts';
import type { Policy } from './rules.ts';

const policy: Policy = {
  name: 'standard',
  version: 1,
  rules: { severity: {}, fail_from: 'medium', review_band: 0.1, hold: { min_judged: 10, fail_fraction: 0.3 } },
};

test('an open lot is held when enough are judged and more than the fraction fail, and says so', () => {
  assert.equal(holdReason('open', { judged: 9, failed: 9 }, true, policy), null);
  assert.equal(holdReason('open', { judged: 10, failed: 3 }, true, policy), null, 'exactly the fraction is not more');
  assert.equal(
    holdReason('open', { judged: 10, failed: 4 }, false, policy),
    '4 of 10 judged inspections failed, more than 30 %; standard 1',
  );
});

test('exactly the fraction is not more, also where floating point says otherwise', () => {
  for (let percent = 1; percent < 100; percent += 1) {
    const { rules } = policy;
    const own = { ...policy, rules: { ...rules, hold: { ...rules.hold, fail_fraction: percent / 100 } } };
    assert.equal(holdReason('open', { judged: 100, failed: percent }, true, own), null, `${percent} of 100`);
    assert.notEqual(holdReason('open', { judged: 100, failed: percent + 1 }, true, own), null, `${percent + 1} of 100`);
  }
});

test('a fail in a released lot holds it again at once, a pass does not; a held lot stays held without a second word', () => {
  assert.match(holdReason('released', { judged: 1, failed: 1 }, true, policy) ?? '', /after the release/);
  assert.equal(holdReason('released', { judged: 20, failed: 19 }, false, policy), null);
  assert.equal(holdReason('held', { judged: 20, failed: 19 }, true, policy), null);
});
