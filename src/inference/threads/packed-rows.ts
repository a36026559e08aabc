import type { Plane } from './messages.ts';

/** A plane as rows of 32-bit words, the leftmost pixel in the highest bit; an empty word stands before and after each row. */
export interface PackedRows {
  /** Of the picture, in pixels. */
  width: number;
  height: number;
  /** Words of a row that hold pixels. */
  perRow: number;
  words: Int32Array;
}

export function packedRows({ width, height, bits }: Plane): PackedRows {
  const bytes = Math.ceil(width / 8);
  const perRow = Math.ceil(width / 32);
  const words = new Int32Array((perRow + 2) * height);
  for (let y = 0; y < height; y += 1) {
    const row = y * bytes;
    let to = y * (perRow + 2) + 1;
    for (let at = row; at < row + bytes; at += 4, to += 1) {
      const end = row + bytes;
      const byte = (index: number) => (index < end ? (bits[index] as number) : 0);
      words[to] = (byte(at) << 24) | (byte(at + 1) << 16) | (byte(at + 2) << 8) | byte(at + 3);
    }
  }
  return { width, height, perRow, words };
}

/** Counts by part of the board: `words` wide, `high` rows high; what is left over at the right and below belongs to the last part. */
export interface PartCounts {
  words: number;
  high: number;
  columns: number;
  rows: number;
  counts: Int32Array;
}

/** Which bits of the word at `at` lie at least `margin` pixels from the left and right border. */
function maskOf(at: number, width: number, margin: number): number {
  const from = Math.max(0, margin - at * 32);
  const to = Math.min(32, width - margin - at * 32);
  if (from >= to) return 0;
  const left = -1 >>> from;
  return to === 32 ? left : left & ~(-1 >>> to);
}

/** Bits that are set. */
function ones(word: number): number {
  let v = word - ((word >>> 1) & 0x55555555);
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
  return Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/**
 * How many pixels of the picture differ from the template moved by `dx` to the right and `dy` down (less than 32 px each way), of every `step`th row;
 * pixels nearer than `margin` to a border are left out, and |dx|, |dy| must not be larger than it. `into` gets the same count by parts. Counting ends
 * with the row in which it goes over `enough`.
 */
export function differing(
  template: PackedRows,
  inspected: PackedRows,
  { dx, dy }: { dx: number; dy: number },
  margin: number,
  step: number,
  into?: PartCounts | null,
  enough = Number.POSITIVE_INFINITY,
): number {
  const { width, height, perRow } = inspected;
  const stride = perRow + 2;
  const masks = Int32Array.from({ length: perRow }, (_, at) => maskOf(at, width, margin));
  const [of, by] = [template.words, inspected.words];
  // The two words that a moved word is made of; a shift by 32 would be a shift by none.
  const neighbour = dx > 0 ? -1 : 1;
  const near = Math.abs(dx);
  const far = dx === 0 ? 31 : 32 - near;
  let all = 0;
  for (let y = margin; y < height - margin && all <= enough; y += step) {
    const mine = y * stride + 1;
    const its = (y - dy) * stride + 1;
    const part = into ? Math.min(Math.floor(y / into.high), into.rows - 1) * into.columns : 0;
    for (let at = 0; at < perRow; at += 1) {
      const mask = masks[at] as number;
      if (mask === 0) continue;
      let moved = of[its + at] as number;
      if (dx > 0) moved = (moved >>> near) | ((of[its + at + neighbour] as number) << far);
      else if (dx < 0) moved = (moved << near) | ((of[its + at + neighbour] as number) >>> far);
      const different = (moved ^ (by[mine + at] as number)) & mask;
      if (different === 0) continue;
      const count = ones(different);
      all += count;
      if (into) {
        const cell = part + Math.min(Math.floor(at / into.words), into.columns - 1);
        into.counts[cell] = (into.counts[cell] as number) + count;
      }
    }
  }
  return all;
}

/** Pairs of neighbours, beside and below each other, of which one is copper and the other is not; and the pixels that are copper. */
export function edgesOf({ width, height, perRow, words }: PackedRows): { edges: number; copper: number } {
  const stride = perRow + 2;
  const masks = Int32Array.from({ length: perRow }, (_, at) => maskOf(at, width, 0));
  // The last pixel of a row has no neighbour to its right.
  const beside = Int32Array.from({ length: perRow }, (_, at) => maskOf(at, width - 1, 0));
  let [edges, copper] = [0, 0];
  for (let y = 0; y < height; y += 1) {
    const row = y * stride + 1;
    for (let at = 0; at < perRow; at += 1) {
      const word = words[row + at] as number;
      copper += ones(word & (masks[at] as number));
      edges += ones((word ^ ((word << 1) | ((words[row + at + 1] as number) >>> 31))) & (beside[at] as number));
      if (y > 0) edges += ones((word ^ (words[row + at - stride] as number)) & (masks[at] as number));
    }
  }
  return { edges, copper };
}
