import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { calibrationError, type Found, figures, type Judged, meanAp, officialAp, officialHits, overlap } from './scoring.ts';

const box = (x: number, y = 0, size = 10) => ({ x, y, width: size, height: size });
const label = (name: string, x: number) => ({ class: name, box: box(x) });
const call = (name: string, x: number, score: number): Found => ({ class: name, box: box(x), score });

test('the share of two boxes is what a hand would work out', () => {
  assert.equal(overlap(box(0), box(0)), 1);
  assert.equal(overlap(box(0), box(5)), 50 / 150);
  assert.equal(overlap(box(0), box(10)), 0);
});

test('a wrong-class duplicate with a higher score eats the label, as in the official script', () => {
  assert.deepEqual(officialHits([label('open', 0)], [call('short', 0, 0.9), call('open', 0, 0.8)]), [false, false]);
  assert.deepEqual(officialHits([label('open', 0)], [call('open', 0, 0.9), call('short', 0, 0.8)]), [true, false]);
});

test('pooled average precision of a worked example', () => {
  const pair: Judged = {
    group: 'a',
    labels: [label('open', 0), label('spur', 100)],
    found: [call('open', 0, 0.9), call('open', 50, 0.8), call('spur', 100, 0.7)],
  };
  assert.equal(officialAp([pair]), (1 / 1 + 2 / 3) / 2);
  assert.equal(meanAp([pair], 0.33), (1 + 1) / 2);
  const at = figures([pair], { open: 0.5, spur: 0.75 });
  assert.equal(at.escapes, 0.5);
  assert.equal(at.false_calls_per_picture, 1);
  assert.equal(at.f1, (2 * 0.5 * 0.5) / 1);
});

test('perfect boxes score one everywhere and nothing found scores zero', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 12 }), (places) => {
      const labels = places.map((place, index) => label(index % 2 ? 'open' : 'short', place * 11));
      const perfect = figures([{ group: 'a', labels, found: labels.map((one) => ({ ...one, score: 1 })) }], { open: 0.5, short: 0.5 });
      assert.deepEqual([perfect.ap, perfect.f1, perfect.map33, perfect.map50, perfect.escapes, perfect.ece], [1, 1, 1, 1, 0, 0]);
      const nothing = figures([{ group: 'a', labels, found: [] }], { open: 0.5, short: 0.5 });
      assert.deepEqual([nothing.ap, nothing.f1, nothing.map33, nothing.escapes], [0, 0, 0, 1]);
    }),
  );
});

test('scores that are right as often as they say have no calibration error', () => {
  const found = Array.from({ length: 10 }, (_, index) => call('open', index * 20, 0.5));
  const labels = found.filter((_, index) => index % 2 === 0).map((one) => ({ class: 'open', box: one.box }));
  assert.ok(calibrationError([{ group: 'a', labels, found }]) < 1e-9);
  assert.ok(Math.abs(calibrationError([{ group: 'a', labels: [], found }]) - 0.5) < 1e-9);
});
