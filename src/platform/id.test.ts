import assert from 'node:assert/strict';
import { test } from 'node:test';
import { millisOfId, timeOfId, traceId, uuidv7 } from './id.ts';

test('ids are UUIDs of version 7, no two alike, in the order they were made, and name their millisecond', () => {
  const before = Date.now();
  const ids = Array.from({ length: 20_000 }, uuidv7);
  for (const id of ids) {
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(timeOfId(id), new Date(millisOfId(id)).toISOString());
  }
  assert.equal(new Set(ids).size, ids.length);
  assert.deepEqual(ids, ids.toSorted());
  // Beyond 4,096 in one millisecond an id borrows from the next.
  assert.ok(millisOfId(ids[0] as string) >= before && millisOfId(ids.at(-1) as string) <= Date.now() + 10);
});

test('a clock that is set back by hours is followed, by less than a second it is not', (t) => {
  const noon = Date.UTC(2026, 10, 27, 12);
  t.mock.timers.enable({ apis: ['Date'], now: noon });
  const before = uuidv7();
  t.mock.timers.setTime(noon - 500);
  const jitter = uuidv7();
  assert.ok(jitter > before);
  assert.equal(millisOfId(jitter), noon);
  t.mock.timers.setTime(noon - 3_600_000);
  assert.equal(millisOfId(uuidv7()), noon - 3_600_000);
});

test('the digits that are drawn take every value', () => {
  const seen = Array.from({ length: 36 }, () => new Set<string>());
  for (let n = 0; n < 2_000; n++) for (const [at, digit] of [...uuidv7()].entries()) seen[at]?.add(digit);
  for (const at of [20, 21, 22, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35]) assert.equal(seen[at]?.size, 16, `digit ${at}`);
  assert.equal(seen[19]?.size, 4);
  assert.match(traceId(), /^[0-9a-f]{32}$/);
});
