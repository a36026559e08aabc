import type { Brush } from './marks.ts';
import { bentPath, drawFinish } from './marks.ts';
import { distanceToEdge } from './morphology.ts';
import type { Random } from './random.ts';
import type { Point, Raster } from './raster.ts';

/** What is known of a good picture before defects are put on it; made once a picture. */
export interface Survey {
  readonly raster: Raster;
  /** Thirds of a px to the other phase, see `distanceToEdge`. */
  readonly distance: Uint16Array;
  /** Pixels that touch the other phase: laminate ones, copper ones. */
  readonly edges: readonly [Int32Array, Int32Array];
}

/** Where and how to draw: a stroke that still has to be proven. */
export interface Proposal {
  readonly path: Point[];
  readonly brush: Brush;
}

export function surveyOf(raster: Raster): Survey {
  const distance = distanceToEdge(raster);
  const edges: [number[], number[]] = [[], []];
  const { width, height, bits } = raster;
  for (let y = 4; y < height - 4; y++) {
    for (let x = 4; x < width - 4; x++) {
      const at = y * width + x;
      if ((distance[at] as number) <= 3) edges[bits[at] as 0 | 1].push(at);
    }
  }
  return { raster, distance, edges: [Int32Array.from(edges[0]), Int32Array.from(edges[1])] };
}

const directions = 24;

/** Steps from `p` along `angle` while the phase lasts; Infinity when the picture ends first or `limit` is passed. */
function reach(raster: Raster, p: Point, angle: number, phase: number, limit: number): number {
  const dx = Math.cos(angle);
  const dy = Math.sin(angle);
  for (let s = 1; s <= limit; s++) {
    const x = Math.round(p.x + dx * s);
    const y = Math.round(p.y + dy * s);
    if (x < 0 || y < 0 || x >= raster.width || y >= raster.height) return Infinity;
    if (raster.bits[y * raster.width + x] !== phase) return s;
  }
  return Infinity;
}

interface Chord {
  readonly angle: number;
  readonly ahead: number;
  readonly behind: number;
}

function chordsAt(raster: Raster, p: Point, phase: number, limit: number): Chord[] {
  const out: Chord[] = [];
  for (let k = 0; k < directions; k++) {
    const angle = (k * Math.PI) / directions;
    const ahead = reach(raster, p, angle, phase, limit);
    if (ahead === Infinity) continue;
    const behind = reach(raster, p, angle + Math.PI, phase, limit);
    if (behind !== Infinity) out.push({ angle, ahead, behind });
  }
  return out.sort((a, b) => a.ahead + a.behind - b.ahead - b.behind);
}

function pointAt(survey: Survey, at: number): Point {
  const x = at % survey.raster.width;
  return { x, y: (at - x) / survey.raster.width };
}

/** A pixel of the phase at least `least` px from the other; `narrow` is the share taken from narrow places, `wide` that of the widest of three. */
function drawSpot(survey: Survey, random: Random, phase: 0 | 1, least: number, narrow: number, wide = 0): Point | undefined {
  const { raster, distance } = survey;
  const wantNarrow = random.chance(narrow);
  const wanted = !wantNarrow && random.chance(wide) ? 3 : 1;
  let best = -1;
  let found = 0;
  for (let k = 0; k < 400; k++) {
    const at = random.int(0, raster.bits.length - 1);
    const d = distance[at] as number;
    if (raster.bits[at] !== phase || d < 3 * least || (wantNarrow && k < 300 && d > 3 * (least + 10))) continue;
    if (best < 0 || d > (distance[best] as number)) best = at;
    if (++found === wanted) break;
  }
  return best < 0 ? undefined : pointAt(survey, best);
}

const shapes = { disc: 70, square: 18, slash: 12 } as const;

/** A hole or an island: dot, blob, dash, hook or scribble, laid along the conductor where it is narrow. */
export function proposeInside(survey: Survey, random: Random, phase: 0 | 1): Proposal | undefined {
  const spot = drawSpot(survey, random, phase, 5, phase === 1 ? 0.15 : 0.08, 0.65);
  if (spot === undefined) return undefined;
  const { raster, distance } = survey;
  const room = (distance[Math.round(spot.y) * raster.width + Math.round(spot.x)] as number) / 3;
  const kind = random.weighted({ dot: 16, blob: 30, dash: 34, hook: 13, scribble: 7 });
  const chords = room < 16 && random.chance(0.75) ? chordsAt(raster, spot, phase, 60) : [];
  const angle = chords[0] === undefined ? random.range(0, 6.28) : chords[0].angle + Math.PI / 2 + random.range(-0.15, 0.15);
  const scale = phase === 1 ? 1 : 1.15;
  const size = scale * random.around(kind === 'dot' ? 10 : kind === 'blob' ? 18 : 22, 0.42, 6, 50);
  const most = Math.max(1.2, room - 3.4);
  const finish = drawFinish(random, phase);
  const shape = random.weighted(shapes);
  const along = (length: number, bend: number, shake: number): Point[] => {
    const dx = (Math.cos(angle) * length) / 2;
    const dy = (Math.sin(angle) * length) / 2;
    return bentPath(random, { x: spot.x - dx, y: spot.y - dy }, { x: spot.x + dx, y: spot.y + dy }, bend, shake);
  };
  switch (kind) {
    case 'dot': {
      const r = Math.min(most, Math.max(3, size / 2));
      return { path: along(1, 0, 0), brush: { from: r, to: r, shape: shape === 'slash' ? 'disc' : shape, finish } };
    }
    case 'blob': {
      const r = Math.min(most, Math.max(2.8, size * random.range(0.25, 0.42)));
      return {
        path: along(Math.max(2, size - 2 * r), random.range(-0.3, 0.3), 1.5),
        brush: { from: r, to: r * random.range(0.5, 1.2), shape, finish },
      };
    }
    case 'dash': {
      const r = Math.min(most, scale * random.range(1.8, 4.8));
      return {
        path: along(size, random.range(-0.25, 0.25), random.range(0, 1.2)),
        brush: { from: r, to: Math.max(1, r * random.range(0.4, 1.1)), shape, finish },
      };
    }
    case 'hook': {
      const r = Math.min(most, scale * random.range(1.7, 4));
      return {
        path: along(size * 0.8, random.pick([-1, 1]) * random.range(0.4, 0.9), 1.5),
        brush: { from: r, to: Math.max(1, r * random.range(0.5, 1)), shape, finish },
      };
    }
    case 'scribble': {
      const path: Point[] = [];
      for (let k = random.int(4, 9); k > 0; k--)
        path.push({ x: spot.x + random.range(-0.5, 0.5) * size, y: spot.y + random.range(-0.5, 0.5) * size });
      const r = scale * random.range(0.9, 2.2);
      return { path, brush: { from: r, to: r, shape: 'disc', finish: random.chance(0.5) ? 'solid' : 'rough' } };
    }
  }
}

/** Unit vector from the other phase into `phase`, seen within 5 px of the pixel. */
function edgeNormal(raster: Raster, p: Point, phase: 0 | 1): Point | undefined {
  let x = 0;
  let y = 0;
  for (let dy = -5; dy <= 5; dy++) {
    for (let dx = -5; dx <= 5; dx++) {
      const u = p.x + dx;
      const v = p.y + dy;
      if (dx * dx + dy * dy > 27 || u < 0 || v < 0 || u >= raster.width || v >= raster.height) continue;
      const sign = raster.bits[v * raster.width + u] === phase ? 1 : -1;
      x += sign * dx;
      y += sign * dy;
    }
  }
  const length = Math.hypot(x, y);
  return length < 20 ? undefined : { x: x / length, y: y / length };
}

/** A nibble or an outgrowth: a lick across the edge, a half disc on it, or a strip along it. */
export function proposeEdge(survey: Survey, random: Random, phase: 0 | 1): Proposal | undefined {
  const list = survey.edges[phase];
  if (list.length === 0) return undefined;
  const spot = pointAt(survey, random.pick(list as unknown as number[]));
  const normal = edgeNormal(survey.raster, spot, phase);
  if (normal === undefined) return undefined;
  const depth = Math.min(60, reach(survey.raster, spot, Math.atan2(normal.y, normal.x), phase, 60));
  if (depth < 5 || (depth < 18 && random.chance(0.62))) return undefined;
  const kind = random.weighted({ lick: 60, bite: 26, strip: 14 });
  const finish = drawFinish(random, phase);
  const shape = random.weighted(shapes);
  const into = (length: number, angle: number): Point => ({
    x: spot.x + length * (normal.x * Math.cos(angle) - normal.y * Math.sin(angle)),
    y: spot.y + length * (normal.x * Math.sin(angle) + normal.y * Math.cos(angle)),
  });
  if (kind === 'lick') {
    const angle = random.range(-0.95, 0.95);
    const r = Math.min(random.range(1.6, 4.2) * (phase === 1 ? 1 : 1.4), depth * 0.34);
    const length = Math.min(random.around(phase === 1 ? 13 : 11, 0.5, 4, 38), (depth * 0.82 - r) / Math.max(0.4, Math.cos(angle)));
    if (length < 2) return undefined;
    return {
      path: bentPath(random, into(-r * 0.4, angle), into(length, angle), random.range(-0.2, 0.2), 0.8),
      brush: { from: r, to: Math.max(1, r * random.range(0.4, 1.3)), shape, finish },
    };
  }
  if (kind === 'bite') {
    const r = Math.min(random.around(6.6, 0.42, 3, 18), depth * 0.7);
    const centre = into(random.range(-0.5, 0.35) * r, 0);
    const off = { x: centre.x + random.range(-0.5, 0.5) * r, y: centre.y + random.range(-0.5, 0.5) * r };
    return { path: [centre, off], brush: { from: r, to: r * random.range(0.6, 1.05), shape: shape === 'slash' ? 'disc' : shape, finish } };
  }
  const r = Math.min(random.range(2.2, 5), depth * 0.4);
  const half = random.around(8, 0.45, 4, 24);
  const lift = random.range(-0.3, 0.6) * r;
  const a = { x: spot.x - normal.y * half + normal.x * lift, y: spot.y + normal.x * half + normal.y * lift };
  const b = { x: spot.x + normal.y * half + normal.x * lift, y: spot.y - normal.x * half + normal.y * lift };
  return {
    path: bentPath(random, a, b, random.range(-0.15, 0.15), 1.2),
    brush: { from: r, to: r * random.range(0.4, 1.1), shape, finish },
  };
}

/** How likely a conductor or gap of this width is cut: wide ones cover more area, so they are drawn less. */
function cutChance(width: number, phase: 0 | 1): number {
  if (phase === 0) return width < 14 ? 0.6 : width < 34 ? 0.8 : width < 60 ? 0.45 : 0.15;
  return width < 12 ? 1 : width < 20 ? 0.7 : width < 34 ? 0.4 : width < 60 ? 0.3 : 0.18;
}

/** A cut across a conductor (or a bridge across a gap), straight or slanting, also one that takes off the corner of a pad. */
export function proposeCut(survey: Survey, random: Random, phase: 0 | 1): Proposal | undefined {
  const spot = drawSpot(survey, random, phase, 2, phase === 1 ? 0.7 : 0.45);
  if (spot === undefined) return undefined;
  const chords = chordsAt(survey.raster, spot, phase, 100);
  const shortest = chords[0];
  if (shortest === undefined) return undefined;
  const least = shortest.ahead + shortest.behind;
  if (least > 95 || !random.chance(cutChance(least, phase))) return undefined;
  const slanted = random.chance(phase === 1 ? 0.28 : 0.18) ? random.pick(chords) : shortest;
  const chord = slanted.ahead + slanted.behind <= least * 1.7 + 5 ? slanted : shortest;
  const finish = random.chance(0.05) ? 'twin' : drawFinish(random, phase);
  const widest = phase === 1 ? 6 : 7.5;
  const r = random.around(phase === 1 ? 3 : 3.3, 0.38, 1.2, widest) * (finish === 'twin' ? 0.7 : 1);
  const over = r + 1.5;
  const turn = random.chance(0.65) ? 0 : random.range(-0.35, 0.35);
  const a = { x: spot.x + Math.cos(chord.angle) * (chord.ahead + over), y: spot.y + Math.sin(chord.angle) * (chord.ahead + over) };
  const back = chord.angle + Math.PI + turn;
  const b = {
    x: spot.x + Math.cos(back) * (chord.behind + over + Math.abs(turn) * chord.behind),
    y: spot.y + Math.sin(back) * (chord.behind + over + Math.abs(turn) * chord.behind),
  };
  const length = Math.hypot(b.x - a.x, b.y - a.y);
  return {
    path: bentPath(random, a, b, random.chance(0.75) ? 0 : random.range(-0.15, 0.15), random.chance(0.5) ? 0 : Math.min(2, length * 0.05)),
    brush: { from: r, to: Math.max(1, r * random.range(0.7, 1.3)), shape: random.weighted(shapes), finish },
  };
}
