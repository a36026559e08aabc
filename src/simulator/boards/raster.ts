/** One bit a pixel, kept as bytes: `bits[y * width + x]`, 1 = copper, 0 = laminate. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly bits: Uint8Array;
}

/** Pixels; x to the right, y down, (0, 0) is the centre of the first pixel. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Pixel numbers, all four included. */
export interface Rect {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

export function makeRaster(width: number, height: number, value: 0 | 1 = 0): Raster {
  const bits = new Uint8Array(width * height);
  if (value === 1) bits.fill(1);
  return { width, height, bits };
}

export function copyRaster(raster: Raster): Raster {
  return { width: raster.width, height: raster.height, bits: raster.bits.slice() };
}

export function invert(raster: Raster): void {
  const { bits } = raster;
  for (let i = 0; i < bits.length; i++) bits[i] = bits[i] === 0 ? 1 : 0;
}

/** Turns the square picture about its diagonal and mirrors it: eight orientations, `turn` 0..7. Square rasters only. */
export function orient(raster: Raster, turn: number): Raster {
  const { width: n, bits } = raster;
  if (raster.height !== n) throw new RangeError('only a square raster can be turned');
  const out = makeRaster(n, n);
  for (let y = 0; y < n; y++) {
    for (let x = 0; x < n; x++) {
      const u = (turn & 1) === 0 ? x : n - 1 - x;
      const v = (turn & 2) === 0 ? y : n - 1 - y;
      out.bits[y * n + x] = bits[(turn & 4) === 0 ? v * n + u : u * n + v] as number;
    }
  }
  return out;
}

/** Share of copper, 0..1. */
export function copperShare(raster: Raster): number {
  let sum = 0;
  for (const bit of raster.bits) sum += bit;
  return sum / raster.bits.length;
}

function fillSpan(raster: Raster, y: number, from: number, to: number, value: 0 | 1): void {
  const x1 = Math.max(0, Math.ceil(from));
  const x2 = Math.min(raster.width - 1, Math.floor(to));
  if (x2 >= x1) raster.bits.fill(value, y * raster.width + x1, y * raster.width + x2 + 1);
}

/** Fills a polygon by the even-odd rule, sampled at pixel centres. */
export function fillPolygon(raster: Raster, corners: readonly Point[], value: 0 | 1): void {
  let low = Infinity;
  let high = -Infinity;
  for (const corner of corners) {
    if (corner.y < low) low = corner.y;
    if (corner.y > high) high = corner.y;
  }
  const first = Math.max(0, Math.ceil(low));
  const last = Math.min(raster.height - 1, Math.floor(high));
  const crossings: number[] = [];
  for (let y = first; y <= last; y++) {
    crossings.length = 0;
    let before = corners[corners.length - 1] as Point;
    for (const corner of corners) {
      if (before.y <= y !== corner.y <= y) {
        crossings.push(before.x + ((y - before.y) / (corner.y - before.y)) * (corner.x - before.x));
      }
      before = corner;
    }
    crossings.sort((p, q) => p - q);
    for (let k = 0; k + 1 < crossings.length; k += 2) fillSpan(raster, y, crossings[k] as number, crossings[k + 1] as number, value);
  }
}

export function fillEllipse(raster: Raster, centre: Point, radiusX: number, radiusY: number, value: 0 | 1): void {
  const first = Math.max(0, Math.ceil(centre.y - radiusY));
  const last = Math.min(raster.height - 1, Math.floor(centre.y + radiusY));
  for (let y = first; y <= last; y++) {
    const t = (y - centre.y) / radiusY;
    const half = radiusX * Math.sqrt(Math.max(0, 1 - t * t));
    fillSpan(raster, y, centre.x - half, centre.x + half, value);
  }
}

export function fillDisc(raster: Raster, centre: Point, radius: number, value: 0 | 1): void {
  fillEllipse(raster, centre, radius, radius, value);
}

export function fillRect(raster: Raster, x1: number, y1: number, x2: number, y2: number, value: 0 | 1): void {
  const first = Math.max(0, Math.ceil(y1));
  const last = Math.min(raster.height - 1, Math.floor(y2));
  for (let y = first; y <= last; y++) fillSpan(raster, y, x1, x2, value);
}

/** Corners of a rectangle about `centre`, turned by `angle` (radians), its corners cut by `chamfer` px (0 = square corners). */
export function boxCorners(centre: Point, width: number, height: number, angle: number, chamfer: number): Point[] {
  const w = width / 2;
  const h = height / 2;
  const c = Math.min(chamfer, w, h);
  const plain =
    c <= 0
      ? [
          [-w, -h],
          [w, -h],
          [w, h],
          [-w, h],
        ]
      : [
          [-w + c, -h],
          [w - c, -h],
          [w, -h + c],
          [w, h - c],
          [w - c, h],
          [-w + c, h],
          [-w, h - c],
          [-w, -h + c],
        ];
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  return plain.map(([x, y]) => ({
    x: centre.x + (x as number) * cos - (y as number) * sin,
    y: centre.y + (x as number) * sin + (y as number) * cos,
  }));
}

/** Rectangle with round corners, turned by `angle`. */
export function fillRoundBox(
  raster: Raster,
  centre: Point,
  width: number,
  height: number,
  angle: number,
  radius: number,
  value: 0 | 1,
): void {
  const r = Math.min(radius, width / 2, height / 2);
  fillPolygon(raster, boxCorners(centre, width, height - 2 * r, angle, 0), value);
  fillPolygon(raster, boxCorners(centre, width - 2 * r, height, angle, 0), value);
  for (const corner of boxCorners(centre, width - 2 * r, height - 2 * r, angle, 0)) fillDisc(raster, corner, r, value);
}

/** Draws a polyline of the given width with round joints; `roundEnds` also rounds its two ends. */
export function strokePath(raster: Raster, path: readonly Point[], width: number, value: 0 | 1, roundEnds = true): void {
  const half = width / 2;
  for (let i = 0; i + 1 < path.length; i++) {
    const p = path[i] as Point;
    const q = path[i + 1] as Point;
    const length = Math.hypot(q.x - p.x, q.y - p.y);
    if (length === 0) continue;
    const nx = (-(q.y - p.y) / length) * half;
    const ny = ((q.x - p.x) / length) * half;
    fillPolygon(
      raster,
      [
        { x: p.x + nx, y: p.y + ny },
        { x: q.x + nx, y: q.y + ny },
        { x: q.x - nx, y: q.y - ny },
        { x: p.x - nx, y: p.y - ny },
      ],
      value,
    );
    if (i > 0 || roundEnds) fillDisc(raster, p, half, value);
    if (roundEnds && i + 2 === path.length) fillDisc(raster, q, half, value);
  }
}
