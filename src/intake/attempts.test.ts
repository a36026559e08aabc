import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AttemptKey, nameOf, openAttempts } from './attempts.ts';

const key = (chip_id: string): AttemptKey => ({ site: 's', lot_id: 'LOT-1', chip_id, inspection_type: 'visual' });

test('parallel takers get different numbers above what is stored, and share one look into the database', async () => {
  let looks = 0;
  const attempts = openAttempts(async (keys) => {
    looks += 1;
    return keys.map(() => 7);
  });
  const taken = await Promise.all(Array.from({ length: 20 }, () => attempts.take([key('a')], null)));
  assert.deepEqual(
    taken.flatMap(({ numbers }) => numbers),
    Array.from({ length: 20 }, (_, index) => 8 + index),
  );
  assert.equal(looks, 1);
  for (const one of taken) one.release();
  await attempts.take([key('a')], null);
  assert.equal(looks, 2, 'nothing is remembered once everybody is done');
});

test('repeats of one request share their numbers', async () => {
  const attempts = openAttempts(async (keys) => keys.map(() => 0));
  const [one, again, other] = await Promise.all([
    attempts.take([key('a')], 'k'),
    attempts.take([key('a')], 'k'),
    attempts.take([key('a')], 'l'),
  ]);
  assert.deepEqual([one?.numbers, again?.numbers, other?.numbers], [[1], [1], [2]]);
});

test('whatever is taken, stored or dropped in whatever order, no number is stored twice', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 4 }), fc.boolean(), fc.nat(3)), {
        maxLength: 30,
      }),
      async (steps) => {
        const stored = new Map<string, Set<number>>();
        const attempts = openAttempts(async (keys) => keys.map((one) => Math.max(0, ...(stored.get(nameOf(one)) ?? []))));
        await Promise.all(
          steps.map(async ([chips, keeps, turns]) => {
            for (let turn = 0; turn < turns; turn++) await Promise.resolve();
            const keys = chips.map(key);
            const { numbers, release } = await attempts.take(keys, null);
            for (let turn = 0; turn < turns; turn++) await Promise.resolve();
            if (keeps)
              for (const [index, one] of keys.entries()) {
                const seen = stored.get(nameOf(one)) ?? new Set();
                stored.set(nameOf(one), seen);
                assert.ok(!seen.has(numbers[index] ?? 0));
                seen.add(numbers[index] ?? 0);
              }
            release();
          }),
        );
      },
    ),
  );
});

test('a look that fails fails its takers and leaves nothing behind', async () => {
  let broken = true;
  const attempts = openAttempts(async (keys) => {
    if (broken) throw new Error('away');
    return keys.map(() => 0);
  });
  await assert.rejects(attempts.take([key('a')], null), /away/);
  broken = false;
  assert.deepEqual((await attempts.take([key('a')], null)).numbers, [1]);
});
