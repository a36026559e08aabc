import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureStation } from '../proof/station.ts';

test('station and platform killed under load: every promised inspection is stored once, with its time, and no number is missing', {
  timeout: 200_000,
}, async (t) => {
  const figures = await measureStation(3, (text) => t.diagnostic(text));
  t.diagnostic(JSON.stringify({ ...figures, faults: figures.faults.length }));
  assert.deepEqual(figures.faults.slice(0, 10), []);
  assert.ok(figures.promised > 200 && figures.measured > 10, `${figures.promised} were promised`);
});
