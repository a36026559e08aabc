import type { BoardClass } from '../../contracts/defects.ts';
import type { Mark } from './marks.ts';
import { drawMark } from './marks.ts';
import { grow } from './morphology.ts';
import { boundsOf, provesCut, provesEdge, provesInside } from './proof.ts';
import type { Survey } from './proposals.ts';
import { proposeCut, proposeEdge, proposeInside } from './proposals.ts';
import type { Random } from './random.ts';
import type { Raster, Rect } from './raster.ts';

/** One true defect: its class, its box in px of the inspected picture (sides included), and the pixels it changed. */
export interface Defect {
  readonly class: BoardClass;
  readonly box: Rect;
  readonly changed: Int32Array;
}

/** Which phase loses pixels, and by which of the three primitives: the other class of each pair is the same on the inverted picture. */
const recipe: Readonly<Record<BoardClass, { readonly phase: 0 | 1; readonly kind: 'cut' | 'edge' | 'inside' }>> = {
  open: { phase: 1, kind: 'cut' },
  short: { phase: 0, kind: 'cut' },
  mousebite: { phase: 1, kind: 'edge' },
  spur: { phase: 0, kind: 'edge' },
  pin_hole: { phase: 1, kind: 'inside' },
  spurious_copper: { phase: 0, kind: 'inside' },
};

/** Fewest pixels a defect changes, below which DeepPCB has next to none; fewer could not be told from a rough edge. */
export const leastChange: Readonly<Record<BoardClass, number>> = {
  open: 34,
  short: 38,
  mousebite: 22,
  spur: 30,
  spurious_copper: 40,
  pin_hole: 28,
};

function boxAround(random: Random, changed: Mark, raster: Raster): Rect {
  const tight = boundsOf(changed, raster.width);
  const margin = (): number => random.int(9, 13);
  let box = { x1: tight.x1 - margin(), y1: tight.y1 - margin(), x2: tight.x2 + margin(), y2: tight.y2 + margin() };
  box = grow(box, 0, raster.width, raster.height);
  const lackX = Math.max(0, 18 - (box.x2 - box.x1 + 1));
  const lackY = Math.max(0, 18 - (box.y2 - box.y1 + 1));
  if (lackX === 0 && lackY === 0) return box;
  const x1 = Math.max(0, Math.min(box.x1 - (lackX >> 1), raster.width - 18));
  const y1 = Math.max(0, Math.min(box.y1 - (lackY >> 1), raster.height - 18));
  return { x1, y1, x2: Math.max(box.x2, x1 + 17), y2: Math.max(box.y2, y1 + 17) };
}

function overlaps(a: Rect, b: Rect): boolean {
  return a.x1 <= b.x2 && b.x1 <= a.x2 && a.y1 <= b.y2 && b.y1 <= a.y2;
}

/** Rounds the outline of a fresh mark as an etch bath would: each pixel near it takes the majority of its 3 x 3 neighbours. */
function etch(raster: Raster, changed: Mark): void {
  const { width, height, bits } = raster;
  const area = grow(boundsOf(changed, width), 1, width, height);
  const columns = area.x2 - area.x1 + 1;
  const near = new Uint8Array(columns * (area.y2 - area.y1 + 1));
  for (const at of changed) {
    const x = (at % width) - area.x1;
    const y = Math.floor(at / width) - area.y1;
    for (let v = Math.max(0, y - 1); v <= Math.min(area.y2 - area.y1, y + 1); v++) {
      for (let u = Math.max(0, x - 1); u <= Math.min(columns - 1, x + 1); u++) near[v * columns + u] = 1;
    }
  }
  const turned: number[] = [];
  for (let k = 0; k < near.length; k++) {
    if (near[k] === 0) continue;
    const x = (k % columns) + area.x1;
    const y = Math.floor(k / columns) + area.y1;
    if (x === 0 || y === 0 || x === width - 1 || y === height - 1) continue;
    const at = y * width + x;
    let sum = 0;
    for (const row of [at - width, at, at + width]) sum += (bits[row - 1] as number) + (bits[row] as number) + (bits[row + 1] as number);
    if ((sum >= 5 ? 1 : 0) !== bits[at]) turned.push(at);
  }
  for (const at of turned) bits[at] = 1 - (bits[at] as number);
}

/** Everything a picture's defects are made from: the good picture is read, `picture` is drawn on. */
export interface Bench {
  readonly good: Raster;
  readonly picture: Raster;
  readonly survey: Survey;
  readonly placed: Defect[];
}

/** Pixels in which the two rasters differ, looked for inside `area`. */
function differences(good: Raster, picture: Raster, area: Rect): Mark {
  const out: number[] = [];
  for (let y = area.y1; y <= area.y2; y++) {
    for (let x = area.x1; x <= area.x2; x++) {
      const at = y * good.width + x;
      if (good.bits[at] !== picture.bits[at]) out.push(at);
    }
  }
  return Int32Array.from(out);
}

function restore(bench: Bench, area: Rect): void {
  const { width } = bench.good;
  for (let y = area.y1; y <= area.y2; y++) {
    bench.picture.bits.set(bench.good.bits.subarray(y * width + area.x1, y * width + area.x2 + 1), y * width + area.x1);
  }
}

/**
 * Puts one defect of the class on the picture where it fits, with proof that it is what it is called, clear of the
 * others. Returns it, or undefined when 80 tries found no place (a picture without narrow gaps has no room for a short).
 */
export function placeDefect(bench: Bench, random: Random, wanted: BoardClass): Defect | undefined {
  const { phase, kind } = recipe[wanted];
  const { good, picture, survey } = bench;
  const { width, height } = good;
  const border = random.chance(0.04) ? 0 : 4;
  const between = random.chance(0.6);
  for (let attempt = 0; attempt < 80; attempt++) {
    const plan =
      kind === 'cut'
        ? proposeCut(survey, random, phase)
        : kind === 'edge'
          ? proposeEdge(survey, random, phase)
          : proposeInside(survey, random, phase);
    if (plan === undefined) continue;
    const mark = drawMark(good, random, plan.path, plan.brush).filter((at) => good.bits[at] === phase);
    if (mark.length < leastChange[wanted]) continue;
    const extent = boundsOf(mark, width);
    if (extent.x1 < border || extent.y1 < border || extent.x2 >= width - border || extent.y2 >= height - border) continue;
    const area = grow(extent, 3, width, height);
    if (bench.placed.some((other) => overlaps(grow(area, 10, width, height), other.box))) continue;
    if (kind === 'inside' && !provesInside(survey.distance, mark)) continue;
    for (const at of mark) picture.bits[at] = phase === 1 ? 0 : 1;
    if (random.chance(0.35)) etch(picture, mark);
    const changed = differences(good, picture, area);
    const box = boxAround(random, changed, good);
    const deep = kind !== 'edge' || changed.some((at) => (survey.distance[at] as number) >= 10);
    const proven =
      deep &&
      changed.length >= leastChange[wanted] &&
      !bench.placed.some((other) => overlaps(box, other.box)) &&
      (kind === 'inside' ||
        (kind === 'cut' ? provesCut(good, picture, changed, phase, between) : provesEdge(good, picture, changed, phase)));
    if (proven) {
      const defect = { class: wanted, box, changed };
      bench.placed.push(defect);
      return defect;
    }
    restore(bench, area);
  }
  return undefined;
}
