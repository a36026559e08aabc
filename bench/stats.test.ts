import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median, mirrored, pairedRatios, rounded } from './stats.ts';

test('the median leaves its input as it was, and takes the mean of two in the middle', () => {
  const given = [9, 1, 5];
  assert.equal(median(given), 5);
  assert.deepEqual(given, [9, 1, 5]);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.ok(Number.isNaN(median([])));
});

test('a slow round does not move a paired ratio', () => {
  assert.deepEqual(pairedRatios([20, 200, 22], [10, 100, 11]), [2, 2, 2]);
  assert.deepEqual(pairedRatios([1, 2, 3], [0, 1]), [2]);
});

test('a round goes there and back', () => {
  assert.deepEqual(mirrored(['a', 'b', 'c']), ['a', 'b', 'c', 'c', 'b', 'a']);
});

test('figures have the digits that they deserve', () => {
  assert.deepEqual([1.23456, 12.3456, 1234.56].map(rounded), [1.235, 12.3, 1235]);
});
