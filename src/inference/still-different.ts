import type { Candidate } from '../contracts/inference.ts';
import type { BoardPair, Plane } from './threads/messages.ts';

/** Pixels by which an edge may lie elsewhere before it counts as a difference: what etching and a camera do to a good edge. */
const TOLERANCE = 1;
/** The sum of a window that is all copper. */
const FULL = (2 * TOLERANCE + 1) ** 2;

/** A part of a plane, a byte a pixel; outside of the picture its border goes on. */
function cut(plane: Plane, left: number, top: number, width: number, height: number): Uint8Array {
  const stride = Math.ceil(plane.width / 8);
  const part = new Uint8Array(width * height);
  let to = 0;
  for (let y = top; y < top + height; y += 1) {
    const row = Math.min(Math.max(y, 0), plane.height - 1) * stride;
    for (let x = left; x < left + width; x += 1, to += 1) {
      const at = Math.min(Math.max(x, 0), plane.width - 1);
      part[to] = ((plane.bits[row + (at >> 3)] as number) >> (7 - (at & 7))) & 1;
    }
  }
  return part;
}

/** Sums over windows of `2 * TOLERANCE + 1` a side: 0 where no pixel around is copper, the window's area where all are. Borders of the part stay 0. */
function around(part: Uint8Array, width: number, height: number): Uint8Array {
  const across = new Uint8Array(part.length);
  const sums = new Uint8Array(part.length);
  for (const [from, to, step] of [
    [part, across, 1],
    [across, sums, width],
  ] as const)
    for (let at = TOLERANCE * step; at < width * height - TOLERANCE * step; at += 1) {
      let sum = 0;
      for (let away = -TOLERANCE; away <= TOLERANCE; away += 1) sum += from[at + away * step] as number;
      to[at] = sum;
    }
  return sums;
}

/**
 * How many pixels of a box are copper where the template has none within TOLERANCE, or laminate where all of the template within TOLERANCE is copper:
 * the classical difference of picture and template.
 */
export function differenceIn({ template, inspected }: BoardPair, box: Candidate['box']): number {
  const [left, top] = [Math.floor(box.x), Math.floor(box.y)];
  const [width, height] = [Math.ceil(box.x + box.width) - left, Math.ceil(box.y + box.height) - top];
  const [wide, high] = [width + 2 * TOLERANCE, height + 2 * TOLERANCE];
  const sums = around(cut(template, left - TOLERANCE, top - TOLERANCE, wide, high), wide, high);
  const seen = cut(inspected, left, top, width, height);
  let count = 0;
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const sum = sums[(y + TOLERANCE) * wide + x + TOLERANCE] as number;
      if (seen[y * width + x] === 1 ? sum === 0 : sum === FULL) count += 1;
    }
  return count;
}

/**
 * Least difference of a candidate that is kept, in pixels. Of 1,594 defects of the simulator and 6,751 of DeepPCB (trainval) that were called and met, the least
 * is 5, so 3 loses none of them.
 */
const LEAST = 3;
/** A board with more candidates than this is kept as it is: it is no good board, and the look would hold up the event loop (0.1 ms a candidate). */
const MOST = 64;

/** The candidates at which picture and template differ by more than an edge that moved; what a model calls elsewhere is noise of the camera. */
export function stillDifferent(pair: BoardPair, candidates: Candidate[]): Candidate[] {
  if (candidates.length > MOST) return candidates;
  return candidates.filter(({ box }) => differenceIn(pair, box) >= LEAST);
}
