import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureAway } from '../proof/kafka-away.ts';

const skip = !process.env.TEST_KAFKA_BROKERS && 'TEST_KAFKA_BROKERS is not set';

test('the broker is killed for 8 s under load: creates go on, nothing is lost, reordered or applied twice', {
  skip,
  timeout: 280_000,
}, async (t) => {
  const figures = await measureAway(8, 'kill', (text) => t.diagnostic(text), { steadySeconds: 2, aSecond: 15 });
  t.diagnostic(JSON.stringify(figures));
  assert.deepEqual(figures.faults, []);
  assert.deepEqual(Object.keys(figures.creates), ['201']);
  assert.ok(figures.seen.readyAlways, 'ready and live all the time');
  assert.ok(figures.seen.degraded, 'and health tells');
  assert.ok(figures.seen.eventsWaiting > 20 && figures.seen.lagSeconds > 4, 'the lag shows');
  assert.ok(figures.healed.relaySeconds < 60, `caught up after ${figures.healed.relaySeconds} s`);
});
