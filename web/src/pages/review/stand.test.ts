import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Inspection } from '../../../../src/contracts/inspections.ts';
import type { ReviewItem } from '../../../../src/contracts/review.ts';
import { doneHere, itemOf, placeOf, standOf, stepFrom } from './stand.ts';

const item = (id: string, kind: ReviewItem['kind'] = 'waiting') => ({ kind, inspection: { id } }) as ReviewItem;
const [a, b, c] = [item('a'), item('b'), item('c', 'audit')];
const none = new Set<string>();

test('the board before the person stays when it leaves the queue, and the next one is the one after it', () => {
  const before = standOf('b', [a, b, c], null, none);
  assert.equal(before.state, 'open');
  const after = standOf('b', [a, c], { item: b, index: 1 }, none);
  assert.deepEqual(after, { state: 'left', item: b, index: 1 });
  assert.equal(stepFrom(after, [a, c], 1), c);
  assert.equal(stepFrom(after, [a, c], -1), a);
  assert.equal(standOf('b', [], { item: b, index: 1 }, none).state, 'left');
  assert.equal(stepFrom(after, [], 1), undefined);
});

test('an address that names a board that is not known takes no other one', () => {
  assert.deepEqual(standOf('x', [a, b], { item: b, index: 1 }, none), { state: 'unknown' });
  assert.equal(stepFrom({ state: 'unknown' }, [a, b], 1), a);
});

test('without an address, or with one that was decided here, the first of the queue is shown', () => {
  assert.deepEqual(standOf(undefined, [a, b], null, none), { state: 'open', item: a, index: 0 });
  assert.deepEqual(standOf('b', [a], { item: b, index: 1 }, new Set(['b'])), { state: 'open', item: a, index: 0 });
  assert.deepEqual(standOf(undefined, [], null, none), { state: 'none' });
  assert.equal(placeOf(c), 'c.audit');
});

test('only what waits for a person is made an item of the queue', () => {
  const record = { id: 'x', status: 'awaiting_review', reason: 'uncertain', updated_at: '2026-01-01T00:00:00Z' } as Inspection;
  assert.equal(itemOf(record)?.why, 'uncertain');
  assert.equal(itemOf({ ...record, status: 'completed' }), null);
});

test('what was decided before the page was left is known when the person comes back', () => {
  const decided = new Map([
    ['a', {}],
    ['d1', {}],
  ]);
  const withDefects = (kind: ReviewItem['kind'], ...ids: string[]) =>
    ({ ...item('x', kind), defects: ids.map((id) => ({ id, state: 'proposed' })) }) as unknown as ReviewItem;
  assert.ok(doneHere({ ...a, defects: [] } as ReviewItem, decided));
  assert.ok(!doneHere({ ...b, defects: [] } as ReviewItem, decided));
  assert.ok(doneHere(withDefects('severity', 'd1'), decided));
  assert.ok(!doneHere(withDefects('severity', 'd1', 'd2'), decided));
  assert.ok(!doneHere(withDefects('audit', 'd1'), decided), 'an audit is answered as a whole');
});
