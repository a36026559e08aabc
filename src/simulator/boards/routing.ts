import type { Random } from './random.ts';
import type { Point, Raster } from './raster.ts';
import { fillDisc, strokePath } from './raster.ts';

/** Unit steps of the eight directions traces run in, 0 = right, 2 = down. */
const headings: readonly Point[] = [0, 1, 2, 3, 4, 5, 6, 7].map((k) => ({
  x: Math.cos((k * Math.PI) / 4),
  y: Math.sin((k * Math.PI) / 4),
}));

export interface WanderPlan {
  readonly start: Point;
  /** 0..7, see `headings`. */
  readonly heading: number;
  readonly shortest: number;
  readonly longest: number;
  readonly turns: number;
}

/** A polyline on Manhattan and 45 degree directions that keeps more or less to its first heading. */
export function wander(random: Random, plan: WanderPlan): Point[] {
  const path: Point[] = [plan.start];
  let at = plan.start;
  let off = 0;
  for (let k = 0; k <= plan.turns; k++) {
    const step = headings[(plan.heading + off + 16) % 8] as Point;
    const length = random.around(Math.sqrt(plan.shortest * plan.longest), 0.6, plan.shortest, plan.longest);
    at = { x: at.x + step.x * length, y: at.y + step.y * length };
    path.push(at);
    if (off === 0) off = random.pick([-1, 1]);
    else if (Math.abs(off) === 1) off = random.chance(0.65) ? 0 : off * 2;
    else off = Math.sign(off);
  }
  return path;
}

/** The path moved sideways by `distance` px (to the right of its direction), mitred at its corners. */
function offsetPath(path: readonly Point[], distance: number): Point[] {
  const normals = path.slice(1).map((q, i) => {
    const p = path[i] as Point;
    const length = Math.hypot(q.x - p.x, q.y - p.y) || 1;
    return { x: -(q.y - p.y) / length, y: (q.x - p.x) / length };
  });
  return path.map((p, i) => {
    const before = normals[Math.max(0, i - 1)] as Point;
    const after = normals[Math.min(normals.length - 1, i)] as Point;
    const scale = distance / Math.max(0.3, 1 + before.x * after.x + before.y * after.y);
    return { x: p.x + (before.x + after.x) * scale, y: p.y + (before.y + after.y) * scale };
  });
}

/** Length of the path up to the first copper within `half` px; Infinity if there is none. Sampled every 3 px. */
export function freeLength(raster: Raster, path: readonly Point[], half: number): number {
  const { width, height, bits } = raster;
  let walked = 0;
  for (let i = 0; i + 1 < path.length; i++) {
    const p = path[i] as Point;
    const q = path[i + 1] as Point;
    const length = Math.hypot(q.x - p.x, q.y - p.y) || 1;
    const dx = (q.x - p.x) / length;
    const dy = (q.y - p.y) / length;
    for (let s = 0; s <= length; s += 3) {
      for (let t = -half; t <= half; t += 3) {
        const x = Math.round(p.x + dx * s - dy * t);
        const y = Math.round(p.y + dy * s + dx * t);
        if (x >= 0 && y >= 0 && x < width && y < height && bits[y * width + x] === 1) return walked + s;
      }
    }
    walked += length;
  }
  return Infinity;
}

/** The first `length` px of the path. */
function cutPath(path: readonly Point[], length: number): Point[] {
  const out: Point[] = [path[0] as Point];
  let left = length;
  for (let i = 0; i + 1 < path.length; i++) {
    const p = path[i] as Point;
    const q = path[i + 1] as Point;
    const step = Math.hypot(q.x - p.x, q.y - p.y);
    if (step >= left) {
      out.push({ x: p.x + ((q.x - p.x) * left) / step, y: p.y + ((q.y - p.y) * left) / step });
      return out;
    }
    out.push(q);
    left -= step;
  }
  return out;
}

/** Sizes in px. */
export interface TraceRule {
  readonly width: number;
  readonly gap: number;
  /** Radius of the round end a trace gets where it stops inside the picture; 0 for none. */
  readonly end: number;
  readonly hole: number;
}

function inside(raster: Raster, p: Point, margin: number): boolean {
  return p.x > margin && p.y > margin && p.x < raster.width - margin && p.y < raster.height - margin;
}

/** Draws a trace with a round end of `rule.end` px wherever it stops inside the picture. */
export function drawTrace(raster: Raster, path: readonly Point[], rule: TraceRule, ends: 'both' | 'last' | 'none'): void {
  strokePath(raster, path, rule.width, 1);
  if (rule.end <= 0 || ends === 'none') return;
  const stops = ends === 'both' ? [path[0] as Point, path[path.length - 1] as Point] : [path[path.length - 1] as Point];
  for (const stop of stops) {
    if (!inside(raster, stop, 2)) continue;
    fillDisc(raster, stop, rule.end, 1);
    if (rule.hole > 0) fillDisc(raster, stop, rule.hole, 0);
  }
}

/**
 * Lays a bundle of parallel traces along a middle line. `cut` carves clearance through whatever is there, `yield` ends
 * each trace before the first copper in its way and drops those that would be shorter than 40 px.
 */
export function drawBundle(
  raster: Raster,
  random: Random,
  middle: readonly Point[],
  traces: number,
  rule: TraceRule,
  manner: 'cut' | 'yield',
): void {
  const pitch = rule.width + rule.gap;
  const span = (traces - 1) * pitch;
  if (manner === 'cut') strokePath(raster, middle, span + rule.width + 2 * rule.gap, 0);
  const fan = random.chance(0.5) ? random.range(0, 1.6) * pitch : 0;
  const paths: Point[][] = [];
  for (let k = 0; k < traces; k++) {
    let path = offsetPath(middle, k * pitch - span / 2);
    if (manner === 'yield') {
      const free = freeLength(raster, path, rule.width / 2 + rule.gap);
      if (free < 40 + rule.end) continue;
      if (free !== Infinity) path = cutPath(path, free - rule.end - 2 - fan * (k % 3));
    }
    if (path.length > 1) paths.push(path);
  }
  for (const path of paths) drawTrace(raster, path, rule, random.chance(0.7) ? 'both' : 'last');
}

/** A start on the border of the picture (three in four) or inside it, with a heading that leads inward. */
export function drawStart(random: Random, size: number): { start: Point; heading: number } {
  const along = random.range(0.02, 0.98) * size;
  switch (random.int(0, 5)) {
    case 0:
      return { start: { x: -40, y: along }, heading: 0 };
    case 1:
      return { start: { x: along, y: -40 }, heading: 2 };
    case 2:
      return { start: { x: size + 40, y: along }, heading: 4 };
    case 3:
      return { start: { x: along, y: size + 40 }, heading: 6 };
    default:
      return { start: { x: along, y: random.range(0.05, 0.95) * size }, heading: random.int(0, 7) };
  }
}
