import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Kept, keep, keptOf, LONGEST_KEPT, MOST_KEPT } from './kept.ts';

const NOW = Date.parse('2026-03-12T12:00:00Z');
const said = (id: string, at = NOW): Kept => ({
  choice: { kind: 'defect', inspection: 'board', item: 'board', defect: { id, version: 1 }, decision: { decision: 'reject' } },
  key: `key of ${id}`,
  at,
});
function storeOf() {
  const values = new Map<string, string>();
  return {
    values,
    getItem: (name: string) => values.get(name) ?? null,
    setItem: (name: string, value: string) => void values.set(name, value),
    removeItem: (name: string) => void values.delete(name),
  };
}

test('who signs in again finds what they decided, under its key; nobody else does', () => {
  const store = storeOf();
  keep(store, 'anna', [said('a'), said('b')]);
  assert.deepEqual(keptOf(store, 'anna', NOW + 1000), { fresh: [said('a'), said('b')], old: [], over: 0 });
  assert.deepEqual(keptOf(store, 'ben', NOW + 1000), { fresh: [], old: [], over: 0 });
  keep(store, 'ben', []);
  assert.equal(keptOf(store, 'anna', NOW).fresh.length, 2);
  keep(store, 'anna', []);
  assert.equal(store.values.size, 0);
});

test('what is too old is told and not sent, and of what is too much the number is known', () => {
  const store = storeOf();
  keep(store, 'anna', [said('old', NOW - LONGEST_KEPT - 1), said('new')]);
  assert.deepEqual(keptOf(store, 'anna', NOW), { fresh: [said('new')], old: [said('old', NOW - LONGEST_KEPT - 1)], over: 0 });
  keep(
    store,
    'anna',
    Array.from({ length: MOST_KEPT + 3 }, (_, i) => said(String(i))),
  );
  const { fresh, over } = keptOf(store, 'anna', NOW);
  assert.deepEqual([fresh.length, fresh[0]?.key, over], [MOST_KEPT, 'key of 0', 3]);
});

test('a store that is forbidden, full or holds something else takes nothing from the page', () => {
  const forbidden = () => {
    throw new Error('forbidden');
  };
  const store = { getItem: forbidden, setItem: forbidden, removeItem: forbidden };
  keep(store, 'anna', [said('a')]);
  assert.deepEqual(keptOf(store, 'anna', NOW), { fresh: [], old: [], over: 0 });
  const other = storeOf();
  keep(other, 'anna', [said('a')]);
  for (const text of ['', 'null', '[]', '{"kept":[null,{"key":1}],"over":"2"}']) {
    for (const name of other.values.keys()) other.values.set(name, text);
    assert.deepEqual(keptOf(other, 'anna', NOW), { fresh: [], old: [], over: 0 }, text);
  }
});
