import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countRestarts } from './restarts.ts';

test('a process is started again later each time, and a loop of bad starts has an end', () => {
  const restarts = countRestarts({ firstMs: 100, mostMs: 1000, goodMs: 5000, most: 6 });
  const waits = Array.from({ length: 7 }, () => restarts.died(0));
  assert.deepEqual(waits, [100, 200, 400, 800, 1000, 1000, null]);
});

test('what dies after it served for a while begins a new count, however often', () => {
  const restarts = countRestarts({ firstMs: 100, mostMs: 1000, goodMs: 5000, most: 2 });
  for (let death = 0; death < 20; death += 1) assert.equal(restarts.died(5000), 100);
  assert.equal(restarts.died(10), 200);
  assert.equal(restarts.died(10), null);
});
