import type { Plane } from './messages.ts';
import { differing, type PackedRows, packedRows } from './packed-rows.ts';

/** Farthest shift of a whole template that is looked for, in pixels each way: what a worn fixture does; a board that lies farther off is another fault. */
export const REACH = 8;
/** Farthest that a part of the board is looked for beside the whole: a stretch of 0.6 % over 640 px moves the ends by 2 px from the middle, a bend by 2 more. */
const LOCAL = 4;
const MARGIN = REACH + LOCAL;
/** Parts of the board whose own shift is measured: two words wide, as high, larger on large boards so that there are no more than 32 a side. */
const BLOCK_WORDS = 2;
const MOST_BLOCKS = 32;

/** By how much the picture lies to the right of the template and below it: picture(x, y) is template(x - dx, y - dy). */
export interface Shift {
  dx: number;
  dy: number;
}

/**
 * Shifts of parts of the board, on a grid: a part in column i and row j is centred at ((i + 0.5) * width, (j + 0.5) * height). `dx` and `dy` are in
 * pixels and beyond the shift of the whole; `sureX` and `sureY` say how many pixels of edge hold them (0: bare copper or laminate says nothing).
 */
export interface LocalShifts {
  columns: number;
  rows: number;
  width: number;
  height: number;
  dx: Float32Array;
  dy: Float32Array;
  sureX: Float32Array;
  sureY: Float32Array;
}

/** Rows that are compared: an odd step, so that a board drawn on a grid is not met on the same line of the grid each time. */
const stepFor = (height: number, rows: number): number => Math.max(1, Math.floor(height / rows)) | 1;

/**
 * The whole-pixel shift within REACH at which fewest pixels of picture and template differ. Coarse over every second shift, then its neighbours on more
 * rows; of equal ones the smallest, so that a board that looks the same all along one axis stays where it is. Zero for boards too small to tell.
 */
function bestShift(template: PackedRows, inspected: PackedRows): Shift {
  const compare = (shift: Shift, step: number) => differing(template, inspected, shift, MARGIN, step);
  const best = (shifts: Shift[], step: number): Shift => {
    let [found, least] = [shifts[0] as Shift, Number.POSITIVE_INFINITY];
    for (const shift of shifts) {
      const count = compare(shift, step);
      if (count < least) [found, least] = [shift, count];
    }
    return found;
  };
  const around = (centre: Shift, reach: number, stride: number): Shift[] => {
    const all: Shift[] = [];
    for (let dy = -reach; dy <= reach; dy += stride)
      for (let dx = -reach; dx <= reach; dx += stride) {
        const shift = { dx: centre.dx + dx, dy: centre.dy + dy };
        if (Math.max(Math.abs(shift.dx), Math.abs(shift.dy)) <= REACH) all.push(shift);
      }
    const far = ({ dx, dy }: Shift) => Math.abs(dx) + Math.abs(dy);
    return all.sort((one, other) => far(one) - far(other));
  };
  const coarse = best(around({ dx: 0, dy: 0 }, REACH, 2), stepFor(inspected.height, 128));
  return best(around(coarse, 1, 1), stepFor(inspected.height, 320));
}

/** Between whole pixels: where the two straight flanks of a valley would meet; `sure` is what the steeper flank rises. */
function valley(before: number, least: number, after: number): { offset: number; sure: number } {
  const steep = Math.max(before, after) - least;
  return { offset: steep > 0 ? (before - after) / (2 * steep) : 0, sure: Math.min(before, after) - least };
}

/** The shift of each part of the board on its own, around that of the whole. */
function localShifts(template: PackedRows, inspected: PackedRows, whole: Shift): LocalShifts {
  const words = Math.max(BLOCK_WORDS, Math.ceil(inspected.perRow / MOST_BLOCKS));
  const high = Math.max(32 * BLOCK_WORDS, Math.ceil(inspected.height / MOST_BLOCKS));
  const [columns, rows] = [Math.max(1, Math.floor(inspected.perRow / words)), Math.max(1, Math.floor(inspected.height / high))];
  const side = 2 * LOCAL + 1;
  const counts = Array.from({ length: side * side }, (_, at) => {
    const into = { words, high, columns, rows, counts: new Int32Array(columns * rows) };
    const shift = { dx: whole.dx + (at % side) - LOCAL, dy: whole.dy + Math.floor(at / side) - LOCAL };
    differing(template, inspected, shift, MARGIN, 3, into);
    return into.counts;
  });
  const grid = () => new Float32Array(columns * rows);
  const found = { columns, rows, width: 32 * words, height: high, dx: grid(), dy: grid(), sureX: grid(), sureY: grid() };
  for (let part = 0; part < columns * rows; part += 1) {
    const count = (dx: number, dy: number) => counts[(dy + LOCAL) * side + dx + LOCAL]?.[part] ?? Number.POSITIVE_INFINITY;
    let [x, y] = [0, 0];
    for (let dy = -LOCAL; dy <= LOCAL; dy += 1)
      for (let dx = -LOCAL; dx <= LOCAL; dx += 1) if (count(dx, dy) < count(x, y)) [x, y] = [dx, dy];
    // At the end of what was looked at there is no valley: the part says nothing.
    if (Math.abs(x) < LOCAL) {
      const across = valley(count(x - 1, y), count(x, y), count(x + 1, y));
      found.dx[part] = x + across.offset;
      found.sureX[part] = across.sure;
    }
    if (Math.abs(y) < LOCAL) {
      const down = valley(count(x, y - 1), count(x, y), count(x, y + 1));
      found.dy[part] = y + down.offset;
      found.sureY[part] = down.sure;
    }
  }
  return found;
}

export interface Alignment {
  shift: Shift;
  /** Share of pixels, 0..1, that differ between the picture and the shifted template, borders of 12 px left out. */
  residual: number;
  local: LocalShifts;
}

/** Measures how the picture lies on its template; about 3 ms for 640 x 640. Both have the same size. */
export function align(template: Plane, inspected: Plane): Alignment {
  const [of, by] = [packedRows(template), packedRows(inspected)];
  const shift = bestShift(of, by);
  const inside = Math.max(0, by.width - 2 * MARGIN) * Math.max(0, by.height - 2 * MARGIN);
  const residual = inside === 0 ? 0 : differing(of, by, shift, MARGIN, 1) / inside;
  return { shift, residual, local: localShifts(of, by, shift) };
}
