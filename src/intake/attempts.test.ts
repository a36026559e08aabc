import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AttemptKey, nameOf, openAttempts } from './attempts.ts';

const key = (chip_id: string): AttemptKey => ({ site: 's', lot_id: 'LOT-1', chip_id, inspection_type: 'visual' });

test('parallel takes get different numbers; one that is stored is taken again above it', () => {
  const attempts = openAttempts();
  const taken = Array.from({ length: 20 }, () => attempts.take([key('a')], null));
  assert.deepEqual(
    taken.flatMap(({ numbers }) => numbers),
    Array.from({ length: 20 }, (_, index) => 1 + index),
  );
  taken[0]?.again(new Map([[0, 30]]));
  taken[1]?.again(new Map([[0, 30]]));
  assert.deepEqual([taken[0]?.numbers, taken[1]?.numbers], [[31], [32]]);
  for (const one of taken) one.release();
  assert.deepEqual(attempts.take([key('a')], null).numbers, [1], 'nothing is remembered once everybody is done');
});

test('repeats of one request share their numbers, also above what is stored', () => {
  const attempts = openAttempts();
  const one = attempts.take([key('a')], 'k');
  const again = attempts.take([key('a')], 'k');
  const other = attempts.take([key('a')], 'l');
  assert.deepEqual([one.numbers, again.numbers, other.numbers], [[1], [1], [2]]);
  one.again(new Map([[0, 4]]));
  assert.deepEqual([one.numbers, attempts.take([key('a')], 'k').numbers], [[5], [5]]);
});

test('whatever is taken, stored, refused or dropped in whatever order, no number is stored twice', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 4 }), fc.boolean(), fc.nat(3)), {
        maxLength: 30,
      }),
      async (steps) => {
        const stored = new Map<string, number>();
        const attempts = openAttempts();
        await Promise.all(
          steps.map(async ([chips, keeps, turns]) => {
            for (let turn = 0; turn < turns; turn++) await Promise.resolve();
            const keys = chips.map(key);
            const taken = attempts.take(keys, null);
            for (let tries = 0; keeps; tries++) {
              for (let turn = 0; turn < turns; turn++) await Promise.resolve();
              const last = new Map<number, number>();
              for (const [index, one] of keys.entries()) {
                const known = stored.get(nameOf(one)) ?? 0;
                if (known >= (taken.numbers[index] ?? 0)) last.set(index, known);
              }
              if (last.size === 0) {
                const all = keys.map((one, index) => `${nameOf(one)} ${taken.numbers[index]}`);
                assert.equal(new Set(all).size, all.length);
                for (const [index, one] of keys.entries()) stored.set(nameOf(one), taken.numbers[index] ?? 0);
                break;
              }
              assert.ok(tries < 50, 'ends');
              taken.again(last);
            }
            taken.release();
          }),
        );
      },
    ),
  );
});
