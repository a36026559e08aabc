import type { Random } from './random.ts';
import type { Point, Raster } from './raster.ts';

/**
 * A mark is what a defect changes: pixel numbers of the picture it was made for. It is drawn like a stroke of a brush,
 * because that is the shape etch faults, scratches and resist residue share, and what DeepPCB's marks look like.
 */
export type Mark = Int32Array;

/** How the outline looks: `solid` clean; `rough` outline off by a pixel here and there; `mottled` holes and crumbs; `twin` two thin lines. */
export type Finish = 'solid' | 'rough' | 'mottled' | 'twin';

export interface Brush {
  /** Half width in px at the start and the end of the stroke. */
  readonly from: number;
  readonly to: number;
  readonly shape: 'disc' | 'square' | 'slash';
  readonly finish: Finish;
}

/** Missing copper is more often ragged than copper too much: thresholding a scan leaves crumbs in a bright scratch. */
export function drawFinish(random: Random, phase: 0 | 1): Finish {
  return random.weighted(phase === 1 ? { solid: 44, rough: 30, mottled: 26 } : { solid: 68, rough: 25, mottled: 7 });
}

/** A path from `a` to `b` that bulges sideways by `bend` of its length and shakes by `shake` px. */
export function bentPath(random: Random, a: Point, b: Point, bend: number, shake: number): Point[] {
  const length = Math.hypot(b.x - a.x, b.y - a.y);
  const nx = -(b.y - a.y);
  const ny = b.x - a.x;
  const steps = Math.max(2, Math.min(7, Math.round(length / 7)));
  const out: Point[] = [];
  for (let k = 0; k <= steps; k++) {
    const t = k / steps;
    const bulge = bend * 4 * t * (1 - t);
    const free = k > 0 && k < steps ? shake : 0;
    out.push({
      x: a.x + (b.x - a.x) * t + nx * bulge + random.range(-free, free),
      y: a.y + (b.y - a.y) * t + ny * bulge + random.range(-free, free),
    });
  }
  return out;
}

interface Sketch {
  readonly x: number;
  readonly y: number;
  readonly columns: number;
  readonly rows: number;
  readonly bits: Uint8Array;
}

function makeSketch(path: readonly Point[], reach: number): Sketch {
  let x1 = Infinity;
  let y1 = Infinity;
  let x2 = -Infinity;
  let y2 = -Infinity;
  for (const p of path) {
    x1 = Math.min(x1, p.x);
    y1 = Math.min(y1, p.y);
    x2 = Math.max(x2, p.x);
    y2 = Math.max(y2, p.y);
  }
  const x = Math.floor(x1 - reach);
  const y = Math.floor(y1 - reach);
  const columns = Math.ceil(x2 + reach) - x + 1;
  const rows = Math.ceil(y2 + reach) - y + 1;
  return { x, y, columns, rows, bits: new Uint8Array(columns * rows) };
}

function stamp(sketch: Sketch, cx: number, cy: number, radius: number, shape: Brush['shape']): void {
  const r2 = radius * radius;
  const reach = Math.ceil(radius);
  for (let y = Math.max(0, Math.floor(cy - reach)); y <= Math.min(sketch.rows - 1, cy + reach); y++) {
    for (let x = Math.max(0, Math.floor(cx - reach)); x <= Math.min(sketch.columns - 1, cx + reach); x++) {
      const dx = x - cx;
      const dy = y - cy;
      const hit =
        shape === 'disc'
          ? dx * dx + dy * dy <= r2
          : shape === 'square'
            ? Math.abs(dx) <= radius * 0.9 && Math.abs(dy) <= radius * 0.9
            : Math.abs(dx + dy) <= 1.5 && Math.abs(dx - dy) <= 2 * radius;
      if (hit) sketch.bits[y * sketch.columns + x] = 1;
    }
  }
}

function isRim(sketch: Sketch, x: number, y: number, bits: Uint8Array): boolean {
  const { columns, rows } = sketch;
  const own = bits[y * columns + x];
  const at = (u: number, v: number): number => (u < 0 || v < 0 || u >= columns || v >= rows ? 0 : (bits[v * columns + u] as number));
  return at(x - 1, y) !== own || at(x + 1, y) !== own || at(x, y - 1) !== own || at(x, y + 1) !== own;
}

function finishSketch(sketch: Sketch, random: Random, finish: Finish): void {
  if (finish === 'solid' || finish === 'twin') return;
  const before = sketch.bits.slice();
  const drop = finish === 'rough' ? 0.18 : 0.4;
  const add = finish === 'rough' ? 0.15 : 0.12;
  for (let y = 0; y < sketch.rows; y++) {
    for (let x = 0; x < sketch.columns; x++) {
      const at = y * sketch.columns + x;
      if (isRim(sketch, x, y, before)) {
        if (before[at] === 1 ? random.chance(drop) : random.chance(add)) sketch.bits[at] = 1 - (before[at] as number);
      } else if (finish === 'mottled' && before[at] === 1 && random.chance(0.09)) sketch.bits[at] = 0;
    }
  }
}

/** Draws the stroke and returns the pixels of it that lie inside the picture. */
export function drawMark(picture: Raster, random: Random, path: readonly Point[], brush: Brush): Mark {
  const widest = Math.max(brush.from, brush.to);
  const sketch = makeSketch(path, 2 * widest + 4);
  const twin = brush.finish === 'twin' ? widest * 0.9 + 1 : 0;
  const spans = path.slice(1).map((q, i) => Math.hypot(q.x - (path[i] as Point).x, q.y - (path[i] as Point).y));
  const total = spans.reduce((sum, span) => sum + span, 0) || 1;
  let walked = 0;
  spans.forEach((span, i) => {
    const p = path[i] as Point;
    const q = path[i + 1] as Point;
    const steps = Math.max(1, Math.ceil(span / 0.7));
    for (let k = 0; k <= steps; k++) {
      const t = k / steps;
      const share = (walked + t * span) / total;
      const radius = Math.max(0.5, brush.from + (brush.to - brush.from) * share);
      const x = p.x + (q.x - p.x) * t - sketch.x;
      const y = p.y + (q.y - p.y) * t - sketch.y;
      if (twin === 0) stamp(sketch, x, y, radius, brush.shape);
      else {
        const nx = (-(q.y - p.y) / (span || 1)) * twin;
        const ny = ((q.x - p.x) / (span || 1)) * twin;
        stamp(sketch, x + nx, y + ny, radius * 0.5, brush.shape);
        stamp(sketch, x - nx, y - ny, radius * 0.5, brush.shape);
      }
    }
    walked += span;
  });
  finishSketch(sketch, random, brush.finish);
  const out: number[] = [];
  for (let y = 0; y < sketch.rows; y++) {
    const py = y + sketch.y;
    if (py < 0 || py >= picture.height) continue;
    for (let x = 0; x < sketch.columns; x++) {
      const px = x + sketch.x;
      if (sketch.bits[y * sketch.columns + x] === 1 && px >= 0 && px < picture.width) out.push(py * picture.width + px);
    }
  }
  return Int32Array.from(out);
}
