import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { boxesOf, calibrated, candidatesOf, FLOOR, type Found, overlap, rawScore, suppress } from './detections.ts';

const side = fc.double({ min: 0.5, max: 200, noNaN: true });
const found: fc.Arbitrary<Found> = fc
  .record({
    kind: fc.nat(5),
    score: fc.double({ min: 0, max: 1, noNaN: true }),
    left: fc.nat(600),
    top: fc.nat(600),
    width: side,
    height: side,
  })
  .map(({ kind, score, left, top, width, height }) => ({ kind, score, left, top, right: left + width, bottom: top + height }));
const calibration = { a: fc.double({ min: 0.1, max: 8, noNaN: true }), b: fc.double({ min: -3, max: 3, noNaN: true }) };

test('of overlapping boxes the best stays: the kept ones do not overlap, and every dropped one overlaps a better kept one', () => {
  fc.assert(
    fc.property(fc.array(found, { maxLength: 60 }), fc.double({ min: 0, max: 0.9, noNaN: true }), (boxes, iou) => {
      const kept = suppress(boxes, iou);
      kept.forEach((one, at) => {
        for (const other of kept.slice(at + 1)) assert.ok(overlap(one, other) <= iou && other.score <= one.score);
      });
      for (const dropped of boxes.filter((one) => !kept.includes(one)))
        assert.ok(kept.some((better) => better.score >= dropped.score && overlap(better, dropped) > iou));
      assert.deepEqual(suppress(kept, iou), kept, 'a second pass changes nothing');
    }),
  );
});

test('suppression ends with the most that are kept: the same as the first of all, and no box is held against more', () => {
  fc.assert(
    fc.property(fc.array(found, { maxLength: 60 }), fc.nat(20), (boxes, most) => {
      assert.deepEqual(suppress(boxes, 0.3, most), suppress(boxes, 0.3, Number.POSITIVE_INFINITY).slice(0, most));
    }),
  );
  let held = 0;
  // None overlaps another: without an end each would be held against all before it.
  const apart = Array.from({ length: 4000 }, (_, at) => ({
    kind: 0,
    score: 0.9,
    get left() {
      held += 1;
      return at * 10;
    },
    top: 0,
    right: at * 10 + 5,
    bottom: 5,
  }));
  assert.equal(suppress(apart, 0.3).length, 500);
  // Two readings of a left edge for each pair.
  assert.ok(held <= 500 * 500, `${held} readings`);
});

test('overlap is symmetric, 1 with itself and 0 beside', () => {
  fc.assert(
    fc.property(found, found, (one, other) => {
      assert.equal(overlap(one, other), overlap(other, one));
      assert.ok(Math.abs(overlap(one, one) - 1) < 1e-9);
      assert.equal(overlap(one, { ...one, left: one.right, right: one.right + 1 }), 0);
    }),
  );
});

test('calibration rises with the score, stays a probability, and rawScore undoes it', () => {
  fc.assert(
    fc.property(
      fc.record(calibration),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (ab, one, other) => {
        const [low, high] = [Math.min(one, other), Math.max(one, other)];
        assert.ok(calibrated(low, ab) <= calibrated(high, ab));
        for (const p of [calibrated(low, ab), calibrated(high, ab)]) assert.ok(p >= 0 && p <= 1);
        assert.ok(Math.abs(calibrated(rawScore(0.3, ab), ab) - 0.3) < 1e-6 || rawScore(0.3, ab) < 1e-6 || rawScore(0.3, ab) > 1 - 1e-6);
      },
    ),
  );
  assert.ok(Math.abs(calibrated(0.75, { a: 4.7, b: 0.97 }) - 0.99782) < 1e-4, 'the example of the training notes');
});

const own = { left: 0, top: 0, right: 1000, bottom: 1000 };
const maps = (heat: number[], ltrb: number[], rows: number, columns: number) => ({
  heat: { type: 'float32' as const, dims: [1, heat.length / (rows * columns), rows, columns], data: Float32Array.from(heat) },
  ltrb: { type: 'float32' as const, dims: [1, 4, rows, columns], data: Float32Array.from(ltrb) },
});

const TILE = { x: 0, y: 0, width: 16, height: 16, own };

test('a peak becomes a box around the centre of its cell, moved by its tile and clipped to the board', () => {
  const outputs = maps(
    [0, 0.9, 0, 0, /* second class */ 0, 0, 0.4, 0],
    [...Array(4).fill(10), ...Array(4).fill(3), ...Array(4).fill(20), ...Array(4).fill(100)],
    2,
    2,
  );
  const boxes = boxesOf(outputs, 2, 0.3, { x: 8, y: 16, width: 16, height: 16, own }, { width: 30, height: 100 });
  assert.deepEqual(
    boxes.map(({ kind, left, top, right, bottom }) => [kind, left, top, right, bottom]),
    [
      [0, 10, 17, 30, 100],
      [1, 2, 25, 30, 100],
    ],
  );
});

test('what is no number is a fault of the model and never "nothing found"', () => {
  const fine = Array(4).fill(1);
  assert.throws(
    () => boxesOf(maps([0, Number.NaN, 0, 0], [...fine, ...fine, ...fine, ...fine], 2, 2), 1, 0.1, TILE, { width: 16, height: 16 }),
    /score of NaN/,
  );
  assert.throws(
    () =>
      boxesOf(maps([0, 0.5, 0, 0], [...fine, 1, Number.POSITIVE_INFINITY, 1, 1, ...fine, ...fine], 2, 2), 1, 0.1, TILE, {
        width: 16,
        height: 16,
      }),
    /distance of Infinity/,
  );
  assert.throws(() => boxesOf(maps([0, 0, 0, 0], fine, 2, 2), 1, 0.1, TILE, { width: 16, height: 16 }), /answered heat/);
  assert.throws(() => boxesOf({}, 1, 0.1, TILE, { width: 16, height: 16 }), /without heat/);
});

test('maps that are not of the tile are a fault of the model: what they leave out was not looked at', () => {
  const empty = (rows: number, columns: number) => maps(Array(rows * columns).fill(0), Array(4 * rows * columns).fill(1), rows, columns);
  const board = { width: 16, height: 16 };
  assert.deepEqual(boxesOf(empty(2, 2), 1, 0.1, TILE, board), []);
  for (const [rows, columns] of [
    [1, 2],
    [2, 1],
    [1, 4],
    [4, 4],
    [0, 0],
  ] as const)
    assert.throws(() => boxesOf(empty(rows, columns), 1, 0.1, TILE, board), /on a tile of 16 x 16/, `${rows} x ${columns}`);
  const { heat, ltrb } = empty(2, 2);
  assert.throws(() => boxesOf({ heat, ltrb: { ...ltrb, dims: [1, 4, 4, 1] } }, 1, 0.1, TILE, board), /on a tile/);
});

test('candidates: calibrated, falling, from the floor up, on the board, at most 500', () => {
  fc.assert(
    fc.property(fc.array(found, { maxLength: 40 }), fc.record(calibration), (boxes, ab) => {
      const candidates = candidatesOf(boxes, {
        classes: ['open', 'short', 'mousebite', 'spur', 'spurious_copper', 'pin_hole'],
        calibration: ab,
        nms_iou: 0.3,
      });
      candidates.forEach(({ score, box }, at) => {
        assert.ok(score >= FLOOR - 1e-6 && score <= (candidates[at - 1]?.score ?? 1));
        assert.ok(box.width >= 0 && box.height >= 0 && box.x >= 0);
      });
    }),
  );
});
