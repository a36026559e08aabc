import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureKills } from '../proof/kill.ts';

test('killed at random moments under load, nothing acknowledged is lost, stuck or judged twice', { timeout: 280_000 }, async (t) => {
  const figures = await measureKills(4, (text) => t.diagnostic(text));
  t.diagnostic(JSON.stringify({ ...figures, faults: figures.faults.length }));
  assert.ok(figures.created > 20 && figures.uploaded > 10);
  assert.deepEqual(figures.faults.slice(0, 10), []);
});
