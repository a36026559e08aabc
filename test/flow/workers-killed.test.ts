import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { measureWorkers } from '../proof/workers.ts';

test('of three programs on one database two die in turn: what was acknowledged is judged once, and the third takes over', {
  timeout: 280_000,
}, async (t) => {
  const figures = await measureWorkers({ secondsEach: 4, apart: false }, (text) => t.diagnostic(text));
  t.diagnostic(JSON.stringify({ ...figures, faults: figures.faults.length }));
  assert.ok(figures.settled > 10 && figures.uploaded > 3 && figures.measured > 3);
  assert.deepEqual(figures.faults.slice(0, 10), []);
});

/** Whether a program can be given a host name of its own. */
function canBeApart(): boolean {
  try {
    execFileSync('unshare', ['--uts', 'hostname', 'host-1'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test('on three machines, where nobody sees that another is dead, leases run out and move; one that was only frozen does no harm when it wakes', {
  timeout: 280_000,
}, async (t) => {
  if (!canBeApart()) {
    assert.notEqual(process.env.CI, 'true', 'unshare --uts is not possible here');
    return t.skip('unshare --uts is not possible here (Linux, root)');
  }
  const figures = await measureWorkers({ secondsEach: 4, apart: true }, (text) => t.diagnostic(text));
  t.diagnostic(JSON.stringify({ ...figures, faults: figures.faults.length }));
  assert.ok(figures.settled > 10 && figures.uploaded > 3 && figures.measured > 3);
  // A quarter of a lease or more had to pass: had it been seen that the owner is gone, it would be less.
  assert.ok(figures.leasesMovedMs.every((ms) => ms > 1500));
  assert.deepEqual(figures.faults.slice(0, 10), []);
});
