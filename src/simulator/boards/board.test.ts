import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { BoardClass } from '../../contracts/defects.ts';
import { BOARD_CLASSES } from '../../contracts/defects.ts';
import type { InspectedBoard } from './board.ts';
import { inspectBoard, makeTemplate } from './board.ts';
import type { Defect } from './defects.ts';
import { leastChange } from './defects.ts';
import { stillImaging } from './imaging.ts';
import type { LayoutStyle } from './layout.ts';
import { components, grow } from './morphology.ts';
import { boundsOf } from './proof.ts';
import type { Raster } from './raster.ts';
import { copperShare } from './raster.ts';

const styles: readonly LayoutStyle[] = ['fine', 'bus', 'routed', 'pour', 'strips', 'steps', 'pads', 'mix'];

function differing(a: Raster, b: Raster): number[] {
  const out: number[] = [];
  for (let at = 0; at < a.bits.length; at++) if (a.bits[at] !== b.bits[at]) out.push(at);
  return out;
}

/** How many pieces of `phase`, crumbs left out, lie within 6 px of the defect. */
function pieces(raster: Raster, defect: Defect, phase: 0 | 1): number {
  const window = grow(boundsOf(defect.changed, raster.width), 6, raster.width, raster.height);
  return components(raster, window, phase).sizes.filter((size, label) => label > 0 && size >= 12).length;
}

/** Is every pixel beside the changed ones, changed ones left out, of the phase that lost pixels? */
function isEnclosed(board: InspectedBoard, defect: Defect, phase: 0 | 1): boolean {
  const { width } = board.good;
  for (const at of defect.changed) {
    for (const beside of [at - 1, at + 1, at - width, at + width]) if (board.good.bits[beside] !== phase) return false;
  }
  return true;
}

const holds: Readonly<Record<BoardClass, (board: InspectedBoard, defect: Defect) => boolean>> = {
  open: (b, d) => pieces(b.picture, d, 1) > pieces(b.good, d, 1),
  short: (b, d) => pieces(b.picture, d, 1) < pieces(b.good, d, 1),
  mousebite: (b, d) => pieces(b.picture, d, 1) === pieces(b.good, d, 1) && !isEnclosed(b, d, 1),
  spur: (b, d) => pieces(b.picture, d, 1) === pieces(b.good, d, 1) && !isEnclosed(b, d, 0),
  spurious_copper: (b, d) => isEnclosed(b, d, 0),
  pin_hole: (b, d) => isEnclosed(b, d, 1),
};

test('each class is on the picture what its name says: nets split or joined, edges moved, holes and islands enclosed', () => {
  const placed = new Map<BoardClass, number>(BOARD_CLASSES.map((name) => [name, 0]));
  for (let seed = 0; seed < 24; seed++) {
    const board = inspectBoard(makeTemplate(seed, 384, styles[seed % styles.length]), { seed, defects: [...BOARD_CLASSES] });
    for (const defect of board.defects) {
      placed.set(defect.class, (placed.get(defect.class) ?? 0) + 1);
      assert.ok(holds[defect.class](board, defect), `${defect.class} on board ${seed}`);
      assert.ok(defect.changed.length >= leastChange[defect.class]);
    }
  }
  for (const [name, count] of placed) assert.ok(count >= 18, `${name} found room on only ${count} of 24 boards`);
});

test('boxes lie inside the picture, apart from each other, and hold every pixel that changed', () => {
  fc.assert(
    fc.property(fc.nat(1e9), fc.integer({ min: 0, max: 9 }), (seed, count) => {
      const board = inspectBoard(makeTemplate(seed, 256), { seed, defects: count });
      const left = new Set(differing(board.good, board.picture));
      board.defects.forEach(({ box, changed }, i) => {
        assert.ok(box.x1 >= 0 && box.y1 >= 0 && box.x2 < 256 && box.y2 < 256);
        assert.ok(box.x2 - box.x1 >= 17 && box.y2 - box.y1 >= 17);
        for (const at of changed) {
          assert.ok(at % 256 >= box.x1 && at % 256 <= box.x2 && at >= box.y1 * 256 && at < (box.y2 + 1) * 256);
          left.delete(at);
        }
        for (const { box: other } of board.defects.slice(i + 1)) {
          assert.ok(box.x1 > other.x2 || other.x1 > box.x2 || box.y1 > other.y2 || other.y1 > box.y2);
        }
      });
      assert.equal(left.size, 0, 'nothing differs outside the truth');
      assert.ok(board.defects.length <= count);
    }),
    { numRuns: 25 },
  );
});

test('the same seeds give the same board bit by bit, other seeds another one', () => {
  const build = (templateSeed: number, seed: number): InspectedBoard => inspectBoard(makeTemplate(templateSeed, 256), { seed, defects: 4 });
  const board = build(11, 3);
  assert.deepEqual(build(11, 3), board);
  assert.notDeepEqual(build(11, 4).picture.bits, board.picture.bits);
  assert.notDeepEqual(build(12, 3).good.bits, board.good.bits);
  assert.notDeepEqual(inspectBoard(makeTemplate(12, 256), { seed: 3, defects: 4 }).imaging, board.imaging);
});

test('a good board has no defect and looks like its template: an inspection of it is a fair test of false calls', () => {
  for (let seed = 0; seed < 12; seed++) {
    const template = makeTemplate(seed, 320);
    const board = inspectBoard(template, { seed, defects: 0 });
    assert.deepEqual(board.defects, []);
    assert.deepEqual(board.picture.bits, board.good.bits);
    assert.ok(differing(template.golden, board.picture).length < 0.14 * 320 * 320);
    const still = inspectBoard(template, { seed, defects: 0, imaging: stillImaging });
    assert.ok(differing(template.drawn, still.picture).length < 0.02 * 320 * 320);
  }
});

test('every style draws boards with copper and laminate enough for a defect of some kind', () => {
  for (const style of styles) {
    for (let seed = 100; seed < 104; seed++) {
      const share = copperShare(makeTemplate(seed, 320, style).golden);
      assert.ok(share > 0.02 && share < 0.98, `${style} ${seed}: ${share}`);
    }
  }
});
