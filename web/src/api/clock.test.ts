import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { offsetBy } from './clock.ts';

/** What an answer tells: `Date` in whole seconds of a platform that is `ahead` ms ahead of this clock. */
const heard = (known: number, ahead: number, sent: number, took: number, share: number) =>
  offsetBy(known, Math.floor((sent + took * share + ahead) / 1000) * 1000, sent, sent + took);

test('a clock that is right stays as it is, and a wrong one is told to the second', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -90_000_000, max: 90_000_000 }),
      fc.integer({ min: 0, max: 9_999 }),
      fc.integer({ min: 0, max: 900 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (ahead, sent, took, share) => {
        assert.equal(heard(0, 0, 1e12 + sent, took, share), 0);
        const offset = heard(0, ahead, 1e12 + sent, took, share);
        assert.ok(Math.abs(offset - ahead) <= 1000 + took, `${offset} for ${ahead}`);
        assert.equal(heard(ahead, ahead, 1e12 + sent, took, share), ahead, 'what is known to be right stays');
      },
    ),
  );
});

test('a clock that is set right while the page is open is followed, and a slow answer moves nothing', () => {
  const wrong = heard(0, 7_200_000, 1e12, 50, 0.5);
  assert.ok(Math.abs(heard(wrong, 0, 1e12, 50, 0.5)) <= 1050);
  assert.equal(heard(wrong, 7_200_000 + 5_000, 1e12, 20_000, 0.5), wrong);
});
