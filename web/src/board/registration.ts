/**
 * How a template lies under an inspected picture: template (u, v) = (a x + b y + e, c x + d y + f) for the picture's (x, y).
 * Boards lie a few pixels and fractions of a degree off on the stage; compared as they are, every edge would differ.
 */
export interface Affine {
  a: number;
  b: number;
  c: number;
  d: number;
  e: number;
  f: number;
}
export const IDENTITY: Affine = { a: 1, b: 0, c: 0, d: 1, e: 0, f: 0 };

const ROUNDS = 14;
/** From coarse to fine: blur in pixels, and every how many pixels one is looked at. */
const LEVELS = [
  { blur: 6, step: 4 },
  { blur: 3, step: 3 },
] as const;

function blurAlong(from: Float32Array, count: number, length: number, step: number, stride: number, radius: number): Float32Array {
  const out = new Float32Array(from.length);
  for (let row = 0; row < count; row++) {
    const start = row * stride;
    let sum = 0;
    for (let i = -radius; i < length; i++) {
      const add = i + radius;
      if (add < length) sum += from[start + add * step]!;
      const drop = i - radius - 1;
      if (drop >= 0) sum -= from[start + drop * step]!;
      if (i >= 0) out[start + i * step] = sum / (2 * radius + 1);
    }
  }
  return out;
}

function blurred(copper: Uint8Array, width: number, height: number, radius: number): Float32Array {
  let out = Float32Array.from(copper);
  for (let pass = 0; pass < 2; pass++) {
    out = blurAlong(blurAlong(out, height, width, 1, width, radius), width, height, width, 1, radius) as typeof out;
  }
  return out;
}

/** Gaussian elimination of a symmetric system; null when the picture says too little (a blank board). */
function solve(matrix: number[][], right: number[]): number[] | null {
  const n = right.length;
  const rows = matrix.map((row, i) => [...row, right[i]!]);
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let i = column + 1; i < n; i++) if (Math.abs(rows[i]![column]!) > Math.abs(rows[pivot]![column]!)) pivot = i;
    [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!];
    const lead = rows[column]!;
    if (Math.abs(lead[column]!) < 1e-9) return null;
    for (let i = 0; i < n; i++) {
      if (i === column) continue;
      const factor = rows[i]![column]! / lead[column]!;
      for (let j = column; j <= n; j++) rows[i]![j]! -= factor * lead[j]!;
    }
  }
  return rows.map((row, i) => row[n]! / row[i]!);
}

/** One step of Lucas and Kanade (1981) over the whole picture: the change of the six numbers that brings both together. */
function step(seen: Float32Array, golden: Float32Array, width: number, height: number, now: Affine, every: number): number[] | null {
  const normal = Array.from({ length: 6 }, () => new Array<number>(6).fill(0));
  const right = new Array<number>(6).fill(0);
  for (let y = 2; y < height - 2; y += every) {
    for (let x = 2; x < width - 2; x += every) {
      const u = now.a * x + now.b * y + now.e;
      const v = now.c * x + now.d * y + now.f;
      const i = Math.floor(u);
      const j = Math.floor(v);
      if (i < 1 || j < 1 || i > width - 3 || j > height - 3) continue;
      const at = j * width + i;
      const fx = u - i;
      const fy = v - j;
      const mixed = (k: number) =>
        (golden[k]! * (1 - fx) + golden[k + 1]! * fx) * (1 - fy) + (golden[k + width]! * (1 - fx) + golden[k + width + 1]! * fx) * fy;
      const gx = (mixed(at + 1) - mixed(at - 1)) / 2;
      const gy = (mixed(at + width) - mixed(at - width)) / 2;
      const error = seen[y * width + x]! - mixed(at);
      // A defect is a large error in a small place: it must not pull the whole board.
      const weight = 1 / (1 + (error / 0.15) ** 2);
      const px = x / width;
      const py = y / height;
      const slopes = [gx * px, gx * py, gy * px, gy * py, gx, gy];
      for (let r = 0; r < 6; r++) {
        right[r]! += weight * slopes[r]! * error;
        for (let c = r; c < 6; c++) normal[r]![c]! += weight * slopes[r]! * slopes[c]!;
      }
    }
  }
  for (let r = 0; r < 6; r++) {
    for (let c = 0; c < r; c++) normal[r]![c] = normal[c]![r]!;
    normal[r]![r]! += 1e-3;
  }
  return solve(normal, right);
}

/** Finds how the template lies under the picture; both as 1 for copper. Good for up to some ten pixels and one degree. */
export function register(seen: Uint8Array, golden: Uint8Array, width: number, height: number): Affine {
  let now = IDENTITY;
  for (const { blur, step: every } of LEVELS) {
    const a = blurred(seen, width, height, blur);
    const b = blurred(golden, width, height, blur);
    for (let round = 0; round < ROUNDS; round++) {
      const change = step(a, b, width, height, now, every);
      if (!change) return now;
      const [da, db, dc, dd, de, df] = change as [number, number, number, number, number, number];
      now = { a: now.a + da / width, b: now.b + db / height, c: now.c + dc / width, d: now.d + dd / height, e: now.e + de, f: now.f + df };
      if (Math.max(Math.abs(da), Math.abs(db), Math.abs(dc), Math.abs(dd), Math.abs(de), Math.abs(df)) < 0.02) break;
    }
  }
  const sane =
    Math.abs(now.a - 1) + Math.abs(now.d - 1) + Math.abs(now.b) + Math.abs(now.c) < 0.12 &&
    Math.abs(now.e) < width / 8 &&
    Math.abs(now.f) < height / 8;
  return sane ? now : IDENTITY;
}

/** The template as it lies under the picture. */
export function laidUnder(golden: Uint8Array, width: number, height: number, { a, b, c, d, e, f }: Affine): Uint8Array {
  const out = new Uint8Array(golden.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const u = Math.round(a * x + b * y + e);
      const v = Math.round(c * x + d * y + f);
      // A board goes on beyond the template's edge as it was there: what was never seen is no difference.
      const i = Math.min(width - 1, Math.max(0, u));
      const j = Math.min(height - 1, Math.max(0, v));
      out[y * width + x] = golden[j * width + i]!;
    }
  }
  return out;
}

/** The template's place in the picture as a CSS matrix (the other way round: picture from template). */
export function cssOf({ a, b, c, d, e, f }: Affine): string {
  const det = a * d - b * c;
  const [ia, ib, ic, id] = [d / det, -b / det, -c / det, a / det];
  return `matrix(${ia}, ${ic}, ${ib}, ${id}, ${-(ia * e + ib * f)}, ${-(ic * e + id * f)})`;
}
