import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Inspection } from '../../../../src/contracts/inspections.ts';
import type { ReviewItem } from '../../../../src/contracts/review.ts';
import { doneHere, itemOf, placeOf, standOf, stepFrom, takenElsewhere, unanswered } from './stand.ts';

const item = (id: string, kind: ReviewItem['kind'] = 'waiting') => ({ kind, inspection: { id } }) as ReviewItem;
const [a, b, c] = [item('a'), item('b'), item('c', 'audit')];
const none = new Set<string>();
const withDefects = (kind: ReviewItem['kind'], ...ids: string[]) =>
  ({ ...item('x', kind), defects: ids.map((id) => ({ id, state: 'proposed' })) }) as unknown as ReviewItem;

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
  assert.ok(doneHere({ ...a, defects: [] } as ReviewItem, decided));
  assert.ok(!doneHere({ ...b, defects: [] } as ReviewItem, decided));
  assert.ok(doneHere(withDefects('severity', 'd1'), decided));
  assert.ok(!doneHere(withDefects('severity', 'd1', 'd2'), decided));
  for (const kind of ['audit', 'disagreement', 'repeat'] as const)
    assert.ok(!doneHere(withDefects(kind, 'd1'), decided), `${kind} is answered as a whole`);
});

test('a board whose decision did not reach the platform yet is not asked again', () => {
  const decided = new Map([
    ['a', {}],
    ['d1', {}],
  ]);
  const asked = { ...a, defects: [] } as ReviewItem;
  assert.deepEqual(unanswered([asked], decided, [{ item: 'a' }]), new Set(['a']));
  assert.deepEqual(unanswered([asked], decided, []), none, 'once it is taken the queue says whether it still waits');
  assert.deepEqual(unanswered([withDefects('waiting', 'd1', 'd2')], decided, [{ item: 'x' }]), none, 'a finding of it is still open');
});

test('a look at grave findings that ended with what the person said is theirs, and no one else decided it', () => {
  const left = (kind: ReviewItem['kind']) => ({ state: 'left' as const, item: withDefects(kind, 'd1', 'd2'), index: 0 });
  const own = new Map([['d1', {}]]);
  assert.equal(takenElsewhere(left('severity'), own), false);
  assert.equal(takenElsewhere(left('severity'), new Map()), true);
  assert.equal(takenElsewhere(left('waiting'), own), true, 'it waits until every finding is decided');
  assert.equal(takenElsewhere({ ...left('severity'), state: 'open' }, new Map()), false);
});
