import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Seen, underFault } from '../proof/engines/faults.ts';

const STILL_MS = 8000;

test('a PostgreSQL that stands still for 8 s: 503 with Retry-After within 2 s, back within 30 s, nothing acknowledged lost', {
  timeout: 200_000,
}, async (t) => {
  let during: Seen[] = [];
  const { faults, acknowledged } = await underFault({}, async ({ plant, seen, recovery }) => {
    const began = performance.now();
    await plant.postgres.pause();
    const paused = performance.now();
    await sleep(STILL_MS);
    const ended = performance.now();
    await plant.postgres.resume();
    during = seen.filter(({ sentAt, millis }) => sentAt >= paused && sentAt + millis <= ended);
    t.diagnostic(
      `standing still after ${Math.round(paused - began)} ms; serving again ${Math.round(await recovery(30_000))} ms after it goes on`,
    );
    await sleep(1500);
  });
  const millis = during.map((one) => one.millis).sort((one, other) => one - other);
  const at = (share: number) => Math.round(millis[Math.floor((millis.length - 1) * share)] ?? 0);
  t.diagnostic(
    `${during.length} answers meanwhile, after ${at(0.5)} ms (P50), ${at(0.95)} ms (P95), ${at(1)} ms (the last); ${acknowledged} acknowledged in all`,
  );
  assert.ok(during.length > 50);
  // Some clients send a key twice at once: the second is told that the first is still under way.
  const statuses = new Set(during.map(({ status }) => status));
  assert.deepEqual(
    [...statuses].filter((status) => status !== 409),
    [503],
  );
  for (const { retryAfter, text, contentType } of during) {
    assert.ok(Number(retryAfter) >= 1, `no Retry-After: ${text}`);
    assert.match(contentType, /^application\/problem\+json/);
  }
  assert.ok(at(0.95) <= 2000, `one of twenty took longer than ${at(0.95)} ms`);
  assert.deepEqual(faults, []);
});
