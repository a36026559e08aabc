import assert from 'node:assert/strict';
import { test } from 'node:test';
import { without } from './index.ts';
import { blamesClock, codeOf, meaningOf, untilTaken, waitFor } from './judge-answer.ts';
import { newKey } from './key.ts';
import { secondsOf } from './platform.ts';

test('what can pass later waits, what never can is put aside, what is another’s fault blames no entry', () => {
  const cases: [number, string, boolean, string][] = [
    [201, '', true, 'done'],
    [200, '', false, 'done'],
    [408, '', true, 'again'],
    [429, 'too_many_requests', true, 'again'],
    [500, '', true, 'again'],
    [503, 'storage_full', false, 'again'],
    [409, 'idempotency_in_progress', true, 'again'],
    [401, 'unauthorized', true, 'hold'],
    [403, 'forbidden', true, 'hold'],
    [302, '', true, 'hold'],
    [400, 'host_not_allowed', true, 'hold'],
    [404, 'not_found', true, 'hold'],
    [404, 'not_found', false, 'dead'],
    [409, 'sequence_used', true, 'used'],
    [409, 'transition_not_allowed', false, 'dead'],
    [413, 'payload_too_large', false, 'dead'],
    [415, 'content_mismatch', false, 'dead'],
    [422, 'validation_error', true, 'dead'],
  ];
  for (const [status, code, isPost, meaning] of cases) assert.equal(meaningOf(status, code, isPost), meaning, `${status} ${code}`);
  assert.equal(meaningOf(422, 'validation_error', true, true), 'early');
  assert.equal(codeOf('{"error":{"code":"sequence_used"}}'), 'sequence_used');
  for (const text of ['', 'null', '[]', '<html>', '{"error":7}']) assert.equal(codeOf(text) + blamesClock(text), 'false');
});

test('a refusal for the clock alone is told apart, and waited for as long as it can be made good', () => {
  const refusal = (...constraints: string[]) => JSON.stringify({ error: { details: constraints.map((constraint) => ({ constraint })) } });
  const blamed = [refusal('future'), refusal('clock'), refusal('future', 'pattern'), refusal('age'), refusal()].map(blamesClock);
  assert.deepEqual(blamed, [true, true, false, false, false]);
  const minutes = (count: number) => count * 60_000;
  assert.equal(untilTaken(minutes(8), 0), 181);
  assert.equal(untilTaken(minutes(1), 0), 2);
  assert.equal(untilTaken(minutes(600), 0), 600);
  assert.equal(untilTaken(minutes(600), null), 60);
  assert.equal(untilTaken(minutes(60 * 24 * 7) + 1, 0), null);
});

test('waiting doubles up to half a minute, is spread, and never ends before the platform said', () => {
  for (let tries = 0; tries < 40; tries += 1) {
    const [least, most] = [waitFor(tries, null, 0), waitFor(tries, null, 1)];
    assert.ok(least >= 0.125 && most <= 30 && least * 2 === most);
    assert.ok(waitFor(tries, { retryAfter: 60 }) >= 60 && waitFor(tries, { retryAfter: 1e9 }) === 300);
  }
  assert.deepEqual([secondsOf('7'), secondsOf(null), secondsOf('soon'), secondsOf('0')], [7, null, null, 0]);
  assert.equal(secondsOf('Wed, 25 Nov 2026 10:00:30 GMT', Date.UTC(2026, 10, 25, 10)), 30);
});

test('a key is a UUIDv7 of its millisecond', () => {
  const key = newKey(0x0123456789ab);
  assert.match(key, /^01234567-89ab-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.notEqual(newKey(1), newKey(1));
});

test('of a missing range what waits is no gap', () => {
  assert.deepEqual(without({ from: 3, to: 9 }, new Set([1, 3, 5, 6, 12])), [
    { from: 4, to: 4 },
    { from: 7, to: 9 },
  ]);
  assert.deepEqual(without({ from: 1, to: 2 }, new Set([1, 2])), []);
  assert.deepEqual(without({ from: 1, to: 2 }, new Set()), [{ from: 1, to: 2 }]);
});
