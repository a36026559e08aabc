import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cohenKappa } from './kappa.ts';

const near = (found: number | null, wanted: number, by = 5e-5) =>
  assert.ok(found !== null && Math.abs(found - wanted) < by, `${found}, not ${wanted}`);

test('worked examples: the figures that SAS prints, and one by hand', () => {
  // SAS PROC FREQ, as statsmodels quotes its print for this table (kappa, 95 % confidence limits from an ASE of 0.1380).
  const sas = cohenKappa([
    [0, 4, 1],
    [0, 8, 0],
    [0, 1, 5],
  ]);
  near(sas.kappa, 0.4842);
  near(sas.low, 0.2137);
  near(sas.high, 0.7547);
  assert.deepEqual([sas.n, sas.agreeing], [19, 13]);
  // Another print of SAS (J. Uebersax): a row that the first rater never used.
  const gap = cohenKappa([
    [0, 0, 0],
    [5, 16, 3],
    [8, 12, 28],
  ]);
  near(gap.kappa, 0.3333);
  near(gap.low, 0.1738);
  near(gap.high, 0.4929);
  // By hand: 35 of 50 agree; by chance 0.5 * 0.6 + 0.5 * 0.4 = 0.5 would; (0.7 - 0.5) / (1 - 0.5).
  const hand = cohenKappa([
    [20, 5],
    [10, 15],
  ]);
  near(hand.observed, 0.7, 1e-12);
  near(hand.expected, 0.5, 1e-12);
  near(hand.kappa, 0.4, 1e-12);
});

test('without things, or where each said one and the same word, there is no kappa; a table that is not square is a fault', () => {
  assert.deepEqual(
    cohenKappa([
      [0, 0],
      [0, 0],
    ]),
    { n: 0, agreeing: 0, observed: null, expected: null, kappa: null, low: null, high: null },
  );
  const same = cohenKappa([
    [7, 0],
    [0, 0],
  ]);
  assert.deepEqual([same.n, same.observed, same.kappa, same.low], [7, 1, null, null]);
  const whole = cohenKappa([
    [7, 0],
    [0, 3],
  ]);
  assert.deepEqual([whole.kappa, whole.low, whole.high], [1, null, null], 'ten that agree do not say that the eleventh will');
  assert.throws(() => cohenKappa([[1, 2]]), RangeError);
});

const tables = fc
  .integer({ min: 2, max: 4 })
  .chain((size) => fc.array(fc.array(fc.nat({ max: 60 }), { minLength: size, maxLength: size }), { minLength: size, maxLength: size }));

test('it lies within -1 and 1 and in its interval, and is 1 where all agree in more than one category', () => {
  fc.assert(
    fc.property(tables, (table) => {
      const { kappa, low, high, n, agreeing } = cohenKappa(table);
      if (kappa === null) return;
      assert.ok(-1 - 1e-12 <= kappa && kappa <= 1 + 1e-12);
      assert.equal(low === null, high === null);
      if (low !== null && high !== null) assert.ok(-1 <= low && low < high && low <= kappa && kappa <= high && high <= 1);
      else assert.ok(table.flat().filter((count) => count > 0).length <= table.length, JSON.stringify(table));
      assert.equal(Math.abs(kappa - 1) < 1e-12, agreeing === n);
    }),
  );
});

test('who is called the first, and what the categories are called, changes nothing; all counts tenfold narrow the interval alone', () => {
  fc.assert(
    fc.property(tables, (table) => {
      const found = cohenKappa(table);
      const turned = cohenKappa(table.map((_, at) => table.map((row) => row[at] as number)));
      const renamed = cohenKappa(table.map((row) => row.toReversed()).toReversed());
      const more = cohenKappa(table.map((row) => row.map((count) => count * 10)));
      if (found.kappa === null) return assert.deepEqual([turned.kappa, renamed.kappa, more.kappa], [null, null, null]);
      for (const other of [turned, renamed]) {
        near(other.kappa, found.kappa, 1e-9);
        if (found.low === null || found.high === null) assert.equal(other.low, null);
        else {
          near(other.low, found.low, 1e-9);
          near(other.high, found.high, 1e-9);
        }
      }
      near(more.kappa, found.kappa, 1e-9);
      assert.ok((more.high ?? 0) - (more.low ?? 0) <= (found.high ?? 0) - (found.low ?? 0) + 1e-9);
    }),
  );
});

test('two who answer without regard to the thing agree as by chance: kappa is 0', () => {
  const shares = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 3, maxLength: 3 });
  fc.assert(
    fc.property(shares, shares, (first, second) => {
      near(cohenKappa(first.map((row) => second.map((column) => row * column))).kappa, 0, 1e-9);
    }),
  );
});
