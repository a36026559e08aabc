import { differing, type PackedRows } from './packed-rows.ts';

/** Farthest shift of a whole template that is looked for, in pixels each way: what a worn fixture does; a board that lies farther off is another fault. */
const REACH = 8;
/** Farthest that a third of the board is looked for beside the whole: a stretch of 0.6 % over 640 px moves the outer thirds by 1.3 px, a bend by 2 more. */
const LOCAL = 4;
const MARGIN = REACH + LOCAL;
/** By how much the picture lies to the right of the template and below it: picture(x, y) is template(x - dx, y - dy). */
export interface Shift {
  dx: number;
  dy: number;
}

/** Rows that are compared: an odd step, so that a board drawn on a grid is not met on the same line of the grid each time. */
const stepFor = (height: number, rows: number): number => Math.max(1, Math.floor(height / rows)) | 1;

/**
 * The whole-pixel shift within REACH at which fewest pixels of picture and template differ. Coarse over every second shift, then its neighbours on more
 * rows; of equal ones the smallest, so that a board that looks the same all along one axis stays where it is. Zero for boards too small to tell.
 */
function bestShift(template: PackedRows, inspected: PackedRows): Shift {
  const best = (shifts: Shift[], step: number): Shift => {
    let [found, least] = [shifts[0] as Shift, Number.POSITIVE_INFINITY];
    for (const shift of shifts) {
      const count = differing(template, inspected, shift, MARGIN, step, null, least);
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

/** Between whole pixels: where the two straight flanks of a valley meet. */
function between(before: number, least: number, after: number): number {
  const steep = Math.max(before, after) - least;
  return steep > 0 ? (before - after) / (2 * steep) : 0;
}

/**
 * Along one axis, the shifts of the first and the last third of the board, looked for around that of the whole: by how many pixels
 * the picture is longer than its template between them, below 0 when it is shorter.
 * A third without an edge across the axis says nothing, and then there is no stretch.
 */
function stretchAlong(axis: 'x' | 'y', template: PackedRows, inspected: PackedRows, whole: Shift): number {
  const parts = axis === 'x' ? { columns: 3, rows: 1 } : { columns: 1, rows: 3 };
  const size = { words: Math.ceil(inspected.perRow / parts.columns), high: Math.ceil(inspected.height / parts.rows) };
  const counts = Array.from({ length: 2 * LOCAL + 1 }, (_, at) => {
    const away = at - LOCAL;
    const into = { ...size, ...parts, counts: new Int32Array(3) };
    const shift = axis === 'x' ? { dx: whole.dx + away, dy: whole.dy } : { dx: whole.dx, dy: whole.dy + away };
    differing(template, inspected, shift, MARGIN, 3, into);
    return into.counts;
  });
  const shiftOf = (third: number): number | null => {
    const count = (at: number) => counts[at]?.[third] ?? 0;
    let least = LOCAL;
    for (let at = 0; at < counts.length; at += 1) if (count(at) < count(least)) least = at;
    // At the end of what was looked at there is no valley.
    if (least === 0 || least === counts.length - 1 || count(least - 1) + count(least + 1) === 2 * count(least)) return null;
    return least + between(count(least - 1), count(least), count(least + 1));
  };
  const [first, last] = [shiftOf(0), shiftOf(2)];
  return first === null || last === null ? 0 : last - first;
}

export interface Alignment {
  shift: Shift;
  /** Share of pixels, 0..1, that differ between the picture and the shifted template, borders of 12 px left out. */
  residual: number;
  /** Pixels between the shifts of the outer thirds, across or down, whichever is more: line-scan cameras that run too fast or too slow, a turned board. */
  stretch: number;
  /** The same along each axis, below 0 where the picture is shorter. */
  lengthened: { x: number; y: number };
}

/** Measures how a picture (`by`) lies on its template (`of`) of the same size; 2 ms for 640 x 640. */
export function align(of: PackedRows, by: PackedRows): Alignment {
  const shift = bestShift(of, by);
  const inside = Math.max(0, by.width - 2 * MARGIN) * Math.max(0, by.height - 2 * MARGIN);
  const residual = inside === 0 ? 0 : differing(of, by, shift, MARGIN, 1) / inside;
  const lengthened = { x: stretchAlong('x', of, by, shift), y: stretchAlong('y', of, by, shift) };
  return { shift, residual, stretch: Math.max(Math.abs(lengthened.x), Math.abs(lengthened.y)), lengthened };
}
