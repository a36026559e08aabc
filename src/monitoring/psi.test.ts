import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chiSquareQuantile, normalQuantile } from './normal.ts';
import { binOf, histogram, psi, psiLimit, quantileEdges } from './psi.ts';

/** Seeded numbers from 0 to 1 (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

test('quantiles against tables', () => {
  for (const [p, z] of [
    [0.5, 0],
    [0.975, 1.959964],
    [0.01, -2.326348],
    [0.999, 3.090232],
  ] as const)
    assert.ok(Math.abs(normalQuantile(p) - z) < 1e-6, `${p}`);
  for (const [p, degrees, value] of [
    [0.95, 9, 16.919],
    [0.99, 4, 13.277],
    [0.9999, 9, 33.72],
    [0.9999, 6, 27.856],
  ] as const)
    assert.ok(Math.abs(chiSquareQuantile(p, degrees) / value - 1) < 0.02, `${p} ${degrees}`);
});

test('bins are those of the baseline: equal parts where values differ, an edge belongs below, ties take one bin', () => {
  const values = Array.from({ length: 100 }, (_, at) => at);
  const edges = quantileEdges(values);
  assert.deepEqual(edges, [9, 19, 29, 39, 49, 59, 69, 79, 89]);
  assert.deepEqual(histogram(edges, values), new Array(10).fill(10));
  assert.deepEqual([binOf(edges, 9), binOf(edges, 9.1), binOf(edges, 1000), binOf(edges, -1)], [0, 1, 9, 0]);
  assert.deepEqual(quantileEdges(new Array(100).fill(3)), []);
  assert.deepEqual(quantileEdges([]), []);
});

test('an index by hand, and empty bins on either side', () => {
  // (q - p) ln(q / p) with half a count added to each of two bins.
  const [p, q] = [50.5 / 101, 80.5 / 101];
  assert.ok(Math.abs(psi([50, 50], [80, 20]) - ((q - p) * Math.log(q / p) + (p - q) * Math.log((1 - q) / (1 - p)))) < 1e-12);
  assert.ok(Number.isFinite(psi([100, 0], [0, 100])) && psi([100, 0], [0, 100]) > 5);
  assert.equal(psi([7], [9]), 0);
});

test('it is 0 for the same shares, never below, and the same from both sides when as much is counted', () => {
  const bins = fc.integer({ min: 2, max: 12 }).chain((n) => {
    const side = fc.array(fc.integer({ min: 0, max: 500 }), { minLength: n, maxLength: n });
    return fc.tuple(side, side);
  });
  fc.assert(
    fc.property(bins, ([one, other]) => {
      assert.equal(psi(one, one), 0);
      assert.ok(psi(one, other) >= 0);
      assert.ok(Math.abs(psi(one, other) - psi(other, one)) < 1e-9);
    }),
  );
});

test('chance alone passes the limit in fewer than one window of a thousand, and a shift of a sigma always', () => {
  const random = numbers(5);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const sample = (shift: number) => Array.from({ length: 200 }, () => normal() + shift);
  let [passed, over] = [0, 0];
  for (let window = 0; window < 2000; window += 1) {
    const baseline = sample(0);
    const edges = quantileEdges(baseline);
    const index = psi(histogram(edges, baseline), histogram(edges, sample(0)));
    if (index >= psiLimit(10, 200, 200)) passed += 1;
    if (index >= 0.2) over += 1;
    if (window < 50) assert.ok(psi(histogram(edges, baseline), histogram(edges, sample(1))) > psiLimit(10, 200, 200));
  }
  assert.ok(passed <= 2, `${passed} of 2000`);
  assert.ok(over > 4, `the customary 0.2 alone is passed by chance: ${over} of 2000`);
});
