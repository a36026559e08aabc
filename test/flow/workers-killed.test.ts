import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureWorkers } from '../proof/workers.ts';

test('of three programs on one database two die in turn: what was acknowledged is judged once, and the third takes over', {
  timeout: 280_000,
}, async (t) => {
  const figures = await measureWorkers(4, (text) => t.diagnostic(text));
  t.diagnostic(JSON.stringify({ ...figures, faults: figures.faults.length }));
  assert.ok(figures.settled > 10 && figures.uploaded > 3 && figures.measured > 3);
  assert.deepEqual(figures.faults.slice(0, 10), []);
});
