import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { healthParts } from './health-parts.ts';
import { openTrouble } from './platform/bus/kafka/trouble.ts';

test('health names what is away and not where it is: that stands in the log', async () => {
  const raw = 'connect ECONNREFUSED 10.0.0.7:6379';
  const told: unknown[] = [];
  const trouble = openTrouble({ warn: (fields: object) => told.push(fields) } as never);
  trouble.begins('relay', new Error(raw));
  await sleep(1_600);
  trouble.begins('relay', new Error(raw));
  assert.match(JSON.stringify(told), /10\.0\.0\.7/);
  const bus = { trouble: trouble.words, lag: async () => [] };
  const parts = healthParts({ bus, replica: null, redis: { fault: () => raw }, blobs: { trouble: async () => null } } as never, null);
  assert.deepEqual(await parts.redis?.(), {
    status: 'degraded',
    detail: 'limits count for this machine alone: Redis is not reached; the log says why',
  });
  const { status, detail } = (await parts.bus()) as { status: string; detail: string };
  assert.match(`${status}: ${detail}`, /^degraded: relay: not served by the broker for \d+ s; the log says why$/);
});
