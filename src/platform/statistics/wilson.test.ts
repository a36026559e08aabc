import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { wilson } from './wilson.ts';

test('known values', () => {
  // Newcombe 1998 (Statistics in Medicine 17), table I, method 3: the score interval without continuity correction.
  for (const [count, n, low, high] of [
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ] as const) {
    const found = wilson(count, n);
    assert.ok(
      found && Math.abs(found.low - low) < 5e-5 && Math.abs(found.high - high) < 5e-5,
      `${count} of ${n}: ${JSON.stringify(found)}`,
    );
  }
  assert.equal(wilson(0, 0), null);
});

test('the interval holds the share, stays within 0 and 1, is the mirror of its complement and narrows as more is counted', () => {
  const counts = fc.integer({ min: 1, max: 100_000 }).chain((n) => fc.tuple(fc.integer({ min: 0, max: n }), fc.constant(n)));
  fc.assert(
    fc.property(counts, ([count, n]) => {
      const found = wilson(count, n);
      const other = wilson(n - count, n);
      const wider = wilson(count * 4, n * 4);
      assert.ok(found && other && wider);
      assert.ok(0 <= found.low && found.low <= count / n && count / n <= found.high && found.high <= 1);
      assert.ok(Math.abs(found.low - (1 - other.high)) < 1e-9 && Math.abs(found.high - (1 - other.low)) < 1e-9);
      assert.ok(wider.high - wider.low < found.high - found.low);
    }),
  );
});

test('with a wider quantile too the interval holds the share and narrows with what was tried', () => {
  const Z995 = 2.576;
  fc.assert(
    fc.property(fc.nat({ max: 500 }), fc.integer({ min: 1, max: 500 }), (hits, more) => {
      const of = hits + more;
      const [found, usual, longer] = [wilson(hits, of, Z995), wilson(hits, of), wilson(hits * 10, of * 10, Z995)];
      assert.ok(found && usual && longer);
      assert.ok(found.low >= 0 && found.high <= 1 && found.low <= hits / of + 1e-12 && hits / of <= found.high + 1e-12);
      assert.ok(longer.low >= found.low - 1e-12);
      assert.ok(found.low <= usual.low && usual.high <= found.high);
    }),
  );
});
