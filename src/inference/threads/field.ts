import type { LocalShifts } from './align.ts';

/** Pixels of edge that make a part as sure as its neighbours together. */
const SURE = 40;
/** How much a part follows its neighbours against what it saw itself. */
const STIFF = 1;
const SWEEPS = 40;

/** Weighted least squares of d = a + b x + c y over the parts, x and y from -1 to 1; parts far off the plane weigh less in a second and third try. */
function plane(seen: Float32Array, sure: Float32Array, columns: number, rows: number): (column: number, row: number) => number {
  let [a, b, c] = [0, 0, 0];
  const at = (index: number, count: number) => (2 * (index + 0.5)) / count - 1;
  for (let round = 0; round < 3; round += 1) {
    // A little of "no stretch" for boards with nothing to hold on to.
    let [s, sx, sy, sxx, sxy, syy, d, dx, dy] = [1e-3, 0, 0, 1, 0, 1, 0, 0, 0];
    for (let row = 0; row < rows; row += 1)
      for (let column = 0; column < columns; column += 1) {
        const part = row * columns + column;
        const [x, y, value] = [at(column, columns), at(row, rows), seen[part] as number];
        const off = round === 0 ? 0 : value - (a + b * x + c * y);
        const weight = Math.min(1, (sure[part] as number) / SURE) / (1 + off * off);
        s += weight;
        sx += weight * x;
        sy += weight * y;
        sxx += weight * x * x;
        sxy += weight * x * y;
        syy += weight * y * y;
        d += weight * value;
        dx += weight * value * x;
        dy += weight * value * y;
      }
    const det = s * (sxx * syy - sxy * sxy) - sx * (sx * syy - sxy * sy) + sy * (sx * sxy - sxx * sy);
    if (Math.abs(det) < 1e-6) return () => 0;
    a = (d * (sxx * syy - sxy * sxy) - sx * (dx * syy - sxy * dy) + sy * (dx * sxy - sxx * dy)) / det;
    b = (s * (dx * syy - dy * sxy) - d * (sx * syy - sxy * sy) + sy * (sx * dy - dx * sy)) / det;
    c = (s * (sxx * dy - sxy * dx) - sx * (sx * dy - dx * sy) + d * (sx * sxy - sxx * sy)) / det;
  }
  return (column, row) => a + b * at(column, columns) + c * at(row, rows);
}

/**
 * One direction of the displacement of the parts, made smooth: a plane (shift, stretch, turn) through what the parts saw, and a skin drawn over what is
 * left (bend). A defect moves the minimum of its own part at most, and that part's neighbours hold it back.
 */
export function smooth(seen: Float32Array, sure: Float32Array, columns: number, rows: number): Float32Array {
  const even = plane(seen, sure, columns, rows);
  const base = Float32Array.from(seen, (_, part) => even(part % columns, Math.floor(part / columns)));
  const skin = new Float32Array(seen.length);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1)
    for (let part = 0; part < seen.length; part += 1) {
      const [column, row] = [part % columns, Math.floor(part / columns)];
      const left = (seen[part] as number) - (base[part] as number);
      const off = left - (skin[part] as number);
      const weight = Math.min(1, (sure[part] as number) / SURE) / (1 + off * off);
      let [sum, all] = [weight * left, weight + 0.05];
      const beside = (other: number) => {
        sum += STIFF * (skin[other] as number);
        all += STIFF;
      };
      if (column > 0) beside(part - 1);
      if (column + 1 < columns) beside(part + 1);
      if (row > 0) beside(part - columns);
      if (row + 1 < rows) beside(part + columns);
      skin[part] = sum / all;
    }
  return skin.map((value, part) => value + (base[part] as number));
}

export interface Field {
  columns: number;
  rows: number;
  width: number;
  height: number;
  dx: Float32Array;
  dy: Float32Array;
}

export function fieldOf({ columns, rows, width, height, dx, dy, sureX, sureY }: LocalShifts): Field {
  return { columns, rows, width, height, dx: smooth(dx, sureX, columns, rows), dy: smooth(dy, sureY, columns, rows) };
}

/**
 * How many pixels longer the picture is than its template between the middle of the outer thirds, across or down, whichever is more; as line-scan
 * cameras stretch that run too fast or too slow. Never below 0.
 */
export function stretchOf({ columns, rows, dx, dy }: Field): number {
  const mean = (values: Float32Array, keep: (part: number) => boolean): number => {
    const kept = [...values].filter((_, part) => keep(part));
    return kept.reduce((sum, value) => sum + value, 0) / Math.max(1, kept.length);
  };
  const thirds = (values: Float32Array, count: number, index: (part: number) => number) =>
    count < 3
      ? 0
      : mean(values, (part) => index(part) >= count - Math.ceil(count / 3)) - mean(values, (part) => index(part) < Math.ceil(count / 3));
  const across = thirds(dx, columns, (part) => part % columns);
  const down = thirds(dy, rows, (part) => Math.floor(part / columns));
  return Math.max(Math.abs(across), Math.abs(down));
}
