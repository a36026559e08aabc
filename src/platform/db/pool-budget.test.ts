import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LEAST_CONNECTIONS, poolBudget } from './pool-budget.ts';

test('one worker has all; several share; none has less than it needs', () => {
  const total = { poolSize: 20, overflow: 30 };
  assert.deepEqual(poolBudget(total, 1), { poolSize: 20, overflow: 30, over: 0 });
  assert.deepEqual(poolBudget(total, 4), { poolSize: 4, overflow: 8, over: 0 });
  assert.deepEqual(poolBudget(total, 12), { poolSize: 1, overflow: 3, over: 0 });
  assert.deepEqual(poolBudget(total, 16), { poolSize: 1, overflow: 3, over: 14 });
  assert.deepEqual(poolBudget({ poolSize: 2, overflow: 0 }, 1), { poolSize: 4, overflow: 0, over: 2 });
  for (const workers of [0, -1, 1.5, Number.NaN]) assert.throws(() => poolBudget(total, workers), RangeError);
});

test('all workers together stay within the budget, or say by how many they do not', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 500 }),
      fc.integer({ min: 0, max: 500 }),
      fc.integer({ min: 1, max: 64 }),
      (poolSize, overflow, workers) => {
        const each = poolBudget({ poolSize, overflow }, workers);
        const mine = each.poolSize + each.overflow;
        assert.ok(each.poolSize >= 1 && each.overflow >= 0 && mine >= LEAST_CONNECTIONS);
        assert.equal(Math.max(0, mine * workers - poolSize - overflow), each.over);
        if (each.over > 0) assert.equal(mine, LEAST_CONNECTIONS);
      },
    ),
  );
});
