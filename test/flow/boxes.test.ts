import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureBoxes } from '../proof/boxes.ts';
import { startPlatform } from '../support/platform.ts';

test('boxes of the API meet the true defects of simulated boards, and good boards pass', { timeout: 240_000 }, async (t) => {
  const platform = await startPlatform(t);
  const figures = await measureBoxes(platform, 100);
  t.diagnostic(JSON.stringify(figures));
  assert.ok(figures.defects >= 20 && figures.good >= 50);
  assert.ok(figures.met >= 0.9, `${figures.met} of the defects are met`);
  assert.ok(figures.goodFailed <= 0.05, `${figures.goodFailed} of the good boards fail`);
});
