import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BOARD_CLASSES } from '../../contracts/defects.ts';
import type { Candidate } from '../../contracts/inference.ts';
import { callsOf, compareCalls } from './agreement.ts';

const call = (name: Candidate['class'], x: number, score = 0.9): Candidate => ({
  class: name,
  score,
  box: { x, y: 0, width: 30, height: 30 },
});

test('calls of one place and class agree; another class, a call of one alone, and a box too far off are told apart', () => {
  const production = [call('open', 0), call('short', 100), call('spur', 200), call('open', 300)];
  const candidate = [call('open', 5), call('spur', 100), call('open', 318), call('pin_hole', 400)];
  const { agrees, cells, differences } = compareCalls(production, candidate);
  assert.equal(agrees, false);
  const cell = (left: string | null, right: string | null) =>
    cells.find((one) => one.production === left && one.candidate === right)?.calls ?? 0;
  assert.deepEqual([cell('open', 'open'), cell('short', 'spur'), cell('spur', null), cell(null, 'pin_hole')], [1, 1, 1, 1]);
  assert.deepEqual([cell('open', null), cell(null, 'open')], [1, 1], '18 of 30 pixels off: an overlap of a quarter');
  assert.equal(differences.length, 5);
});

test('of two boxes of one place the one of the same class is the pair', () => {
  const { agrees, cells } = compareCalls([call('open', 0)], [call('short', 0), call('open', 8)]);
  assert.equal(agrees, false);
  assert.deepEqual(
    cells.map(({ production, candidate }) => [production, candidate]),
    [
      ['open', 'open'],
      [null, 'short'],
    ],
  );
});

test('a candidate at its threshold is a call, and a class without one has none to hide under', () => {
  const found = [call('open', 0, 0.5), call('open', 50, 0.499), call('short', 100, 0.05)];
  assert.deepEqual(callsOf(found, { open: 0.5 }), [found[0], found[2]]);
});

const candidates = fc.array(
  fc.record({
    class: fc.constantFrom(...BOARD_CLASSES),
    score: fc.double({ min: 0, max: 1, noNaN: true }),
    box: fc.record({ x: fc.nat(200), y: fc.nat(200), width: fc.integer({ min: 1, max: 60 }), height: fc.integer({ min: 1, max: 60 }) }),
  }),
  { maxLength: 20 },
);
test('every call is counted once on its side, whatever lies where; the same calls in another order agree', () => {
  fc.assert(
    fc.property(candidates, candidates, (production, candidate) => {
      const { cells, agrees, differences } = compareCalls(production, candidate);
      const sum = (side: 'production' | 'candidate') => cells.reduce((total, cell) => total + (cell[side] === null ? 0 : cell.calls), 0);
      assert.deepEqual([sum('production'), sum('candidate')], [production.length, candidate.length]);
      assert.equal(agrees, differences.length === 0);
    }),
  );
  fc.assert(fc.property(candidates, (one) => assert.equal(compareCalls(one, [...one].reverse()).agrees, true)));
});
