import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureEngines } from '../proof/engines.ts';

const skip = !process.env.TEST_KAFKA_BROKERS && 'TEST_KAFKA_BROKERS is not set';

test('the broker dies together with the program and with PostgreSQL: every event of the outbox stands in the topics, each effect once', {
  skip,
  timeout: 280_000,
}, async (t) => {
  const figures = await measureEngines({
    rounds: 2,
    kafka: 'managed',
    kills: [
      ['program', 'kafka'],
      ['postgres', 'kafka'],
    ],
    say: (text) => t.diagnostic(text),
  });
  t.diagnostic(JSON.stringify(figures));
  assert.ok(figures.acknowledged > 1000 && figures.measured > 50 && figures.underWay > 10, 'the load was high enough to mean something');
  assert.deepEqual(figures.faults, []);
});
