import assert from 'node:assert/strict';
import { test } from 'node:test';
import { idBound, isUuid, isUuidv7, millisOfId, timeOfId, traceId, uuidv7 } from './id.ts';

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

test('the bounds of a millisecond are ids of it, and every id of it lies between them', () => {
  for (let n = 0; n < 2_000; n++) {
    const id = uuidv7();
    const [first, last] = [idBound(millisOfId(id), 'first'), idBound(millisOfId(id) + 0.9, 'last')];
    assert.ok(first <= id && id <= last, `${first} ${id} ${last}`);
    for (const bound of [first, last]) assert.equal(millisOfId(bound), millisOfId(id));
  }
  const ends = [idBound(Number.NEGATIVE_INFINITY, 'first'), idBound(Number.POSITIVE_INFINITY, 'last')];
  assert.deepEqual(ends, ['00000000-0000-7000-8000-000000000000', 'ffffffff-ffff-7fff-bfff-ffffffffffff']);
  for (const id of [...ends, uuidv7().toUpperCase()]) assert.ok(isUuidv7(id) && isUuid(id), id);
  for (const id of [crypto.randomUUID(), `${uuidv7()}\n`, `${uuidv7().slice(0, 14)}8${uuidv7().slice(15)}`]) assert.ok(!isUuidv7(id), id);
});

test('the digits that are drawn take every value', () => {
  const seen = Array.from({ length: 36 }, () => new Set<string>());
  for (let n = 0; n < 2_000; n++) for (const [at, digit] of [...uuidv7()].entries()) seen[at]?.add(digit);
  for (const at of [20, 21, 22, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35]) assert.equal(seen[at]?.size, 16, `digit ${at}`);
  assert.equal(seen[19]?.size, 4);
  assert.match(traceId(), /^[0-9a-f]{32}$/);
});
