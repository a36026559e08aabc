import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSuspects } from './suspects.ts';

test('the second end of the process is blamed on the run, the fifth broken connection, and not what was answered between', () => {
  const suspects = openSuspects();
  assert.deepEqual([suspects.blame('a', 'stub'), suspects.has('a'), suspects.has('b')], [false, true, false]);
  assert.deepEqual([suspects.blame('a', 'late'), suspects.blame('a', 'stub')], [true, true], 'and each one after it');
  const lost = () => suspects.blame('b', 'unreachable');
  assert.deepEqual([lost(), lost(), lost(), lost(), lost()], [false, false, false, false, true]);
  suspects.answered('a');
  assert.deepEqual([suspects.has('a'), suspects.blame('a', 'stub')], [false, false]);
});

test('no more runs are kept in mind than it says', () => {
  const suspects = openSuspects();
  for (let run = 0; run <= 1000; run += 1) suspects.blame(String(run), 'stub');
  assert.deepEqual([suspects.has('0'), suspects.has('1'), suspects.has('1000')], [false, true, true]);
});
