import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureEngines } from '../proof/engines.ts';

const long = { timeout: 280_000 };

test('program and PostgreSQL killed under load: what was acknowledged is stored, published and in effect, each once', long, async (t) => {
  const figures = await measureEngines({
    rounds: 3,
    kills: [['program'], ['postgres'], ['program', 'postgres']],
    say: (text) => t.diagnostic(text),
  });
  t.diagnostic(JSON.stringify(figures));
  assert.ok(figures.acknowledged > 1000 && figures.measured > 50 && figures.underWay > 10, 'the load was high enough to mean something');
  assert.deepEqual(figures.faults, []);
});

test('the same with a database that acknowledges before it has written is caught', long, async (t) => {
  const figures = await measureEngines({
    rounds: 5,
    mutant: 'synchronous_commit=off',
    kills: [['postgres']],
    say: (text) => t.diagnostic(text),
  });
  assert.ok(figures.lost > 0, `${figures.acknowledged} acknowledged, ${figures.rounds} kills, nothing missed`);
});
