import type { PadShape } from './footprints.ts';
import { drawDot, drawGrid, drawLettering, drawMeander, drawPad, drawPadRows, drawPair, isRoomFor } from './footprints.ts';
import { removeSlivers } from './morphology.ts';
import { drawPads, drawPlane, drawSteps, drawStrips } from './pours.ts';
import type { Random } from './random.ts';
import type { Point, Raster } from './raster.ts';
import { copperShare, fillRect, invert, makeRaster, orient } from './raster.ts';
import type { TraceRule } from './routing.ts';
import { drawBundle, drawStart, wander } from './routing.ts';

/**
 * What kind of board the picture shows: `fine` thin sparse traces and dots, `bus` bundles, `routed` wide traces and
 * drilled pads, `pour` planes with cut-outs, `strips` and `steps` broad conductors side by side, `pads` large lands, `mix` halves of two.
 */
export type LayoutStyle = 'fine' | 'bus' | 'routed' | 'pour' | 'strips' | 'steps' | 'pads' | 'mix';

const weights: Readonly<Record<LayoutStyle, number>> = { fine: 20, bus: 11, routed: 25, pour: 13, strips: 9, steps: 6, pads: 9, mix: 7 };

export function drawStyle(random: Random): LayoutStyle {
  return random.weighted(weights);
}

function ruleFor(random: Random, style: 'fine' | 'bus' | 'routed'): TraceRule {
  const median = { fine: 7, bus: 11, routed: 17 }[style];
  const width = random.around(median, 0.5, 4.5, 46);
  const gap = random.around(style === 'fine' ? 13 : 14, 0.35, 8, 34);
  const end = random.chance(0.75) ? width * random.range(0.9, 1.6) + random.range(0, 5) : 0;
  return { width, gap, end, hole: end > 9 && random.chance(0.4) ? end * random.range(0.3, 0.5) : 0 };
}

function somewhere(random: Random, size: number): Point {
  return { x: random.range(0, size), y: random.range(0, size) };
}

function widen(random: Random, rule: TraceRule): TraceRule {
  const width = Math.min(60, rule.width * random.range(1.4, 3.5));
  return {
    ...rule,
    width,
    end: random.chance(0.5) ? width * random.range(0.8, 1.2) : 0,
    hole: random.chance(0.5) ? Math.max(4, width * 0.25) : 0,
  };
}

/** Parts first, then traces that give way to them; `density` 0..2.4 scales how much there is. */
function drawRouted(raster: Raster, random: Random, style: 'fine' | 'bus' | 'routed', density: number): void {
  const size = raster.width;
  const rule = ruleFor(random, style);
  const radius = Math.max(rule.width * random.range(0.9, 1.6), style === 'fine' ? 8 : 13) + random.range(0, 8);
  const many = (most: number): number => Math.round(random.range(0.3, 1) * most * density);
  const shape: PadShape = random.pick(['disc', 'ring', 'ring', 'octagon', 'oblong', 'drop', 'rect', 'holed']);
  const bundles = many(style === 'bus' ? 7 : 4);
  for (let k = 0; k < bundles; k++) {
    const traces = style === 'bus' ? random.int(2, 9) : random.pick(style === 'fine' ? [1, 1, 2, 3, 5, 8, 12] : [1, 1, 2, 2, 3, 4, 6]);
    const path = wander(random, { ...drawStart(random, size), shortest: 40, longest: 320, turns: random.int(2, 7) });
    drawBundle(raster, random, path, traces, rule, random.chance(style === 'bus' ? 0.35 : 0.12) ? 'cut' : 'yield');
  }
  if (random.chance(style === 'fine' ? 0.45 : 0.12)) {
    for (let k = random.int(1, 3); k > 0; k--) drawGrid(raster, random, somewhere(random, size), rule);
  }
  for (let k = many(3); k > 0; k--) drawPadRows(raster, random, somewhere(random, size), rule, radius);
  for (let k = many(7); k > 0; k--) drawPair(raster, random, somewhere(random, size), rule, radius * random.range(0.7, 1.1));
  for (let k = many(7); k > 0; k--) {
    const at = somewhere(random, size);
    const r = radius * random.range(0.9, 1.7);
    if (isRoomFor(raster, at, 2.6 * r + 2 * rule.gap, 2.6 * r + 2 * rule.gap))
      drawPad(raster, random, at, r, shape, random.pick([0, Math.PI / 2]));
  }
  if (style === 'fine') {
    for (let k = many(12); k > 0; k--) {
      const at = somewhere(random, size);
      const r = random.around(11, 0.6, 5, 70);
      if (isRoomFor(raster, at, 2 * r + 14, 2 * r + 14)) drawDot(raster, at, r, random.chance(0.9) ? 1 : random.range(1, 2));
    }
  }
  for (let k = many(style === 'fine' ? 10 : 7); k > 0; k--) {
    const wide = random.chance(0.35) ? widen(random, rule) : rule;
    const path = wander(random, { ...drawStart(random, size), shortest: 25, longest: 240, turns: random.int(1, 6) });
    drawBundle(raster, random, path, random.pick([1, 1, 1, 2, 3]), wide, 'yield');
  }
  for (let k = random.chance(0.2) ? random.int(1, 4) : 0; k > 0; k--) drawMeander(raster, random, somewhere(random, size), rule);
  if (random.chance(0.12)) drawLettering(raster, random, somewhere(random, size), Math.max(4, rule.width * 0.6));
  if (random.chance(0.12)) {
    const at = somewhere(random, size);
    const w = random.range(30, 130);
    const h = random.range(30, 200);
    if (isRoomFor(raster, at, w + 20, h + 20)) fillRect(raster, at.x - w / 2, at.y - h / 2, at.x + w / 2, at.y + h / 2, 1);
  }
}

function drawOne(raster: Raster, random: Random, style: Exclude<LayoutStyle, 'mix'>): void {
  if (style === 'fine') drawRouted(raster, random, style, random.range(0.3, 2.4));
  if (style === 'bus') drawRouted(raster, random, style, random.range(0.5, 1.3));
  if (style === 'routed') drawRouted(raster, random, style, random.range(0.45, 1.5));
  if (style === 'pour') drawPlane(raster, random);
  if (style === 'strips') drawStrips(raster, random);
  if (style === 'steps') drawSteps(raster, random);
  if (style === 'pads') {
    drawPads(raster, random);
    drawRouted(raster, random, random.pick(['fine', 'routed']), random.range(0.2, 0.8));
  }
}

/** Two styles side by side along a straight border, with a strip of laminate between. */
function drawMix(raster: Raster, random: Random): void {
  const size = raster.width;
  const plain = ['fine', 'bus', 'routed', 'pour', 'strips', 'steps', 'pads'] as const;
  drawOne(raster, random, random.pick(plain));
  const other = makeRaster(size, size);
  drawOne(other, random, random.pick(plain));
  const border = Math.round(random.range(0.3, 0.7) * size);
  const gap = random.int(10, 30);
  for (let y = 0; y < size; y++) {
    raster.bits.fill(0, y * size + border, y * size + Math.min(size, border + gap));
    raster.bits.set(other.bits.subarray(y * size + Math.min(size, border + gap), (y + 1) * size), y * size + Math.min(size, border + gap));
  }
}

/**
 * Draws one board side of `size` x `size` px. Between 3 % and 97 % of it is copper (a picture with nothing on it is
 * drawn again); slivers thinner than 3 or 5 px are removed as a design-rule check would.
 */
export function drawLayout(random: Random, size: number, style: LayoutStyle): Raster {
  for (let attempt = 0; ; attempt++) {
    const part = random.fork(attempt);
    let raster = makeRaster(size, size);
    if (style === 'mix') drawMix(raster, part);
    else drawOne(raster, part, style);
    if (part.chance(style === 'fine' ? 0.08 : 0.16)) invert(raster);
    removeSlivers(raster, style === 'fine' || style === 'steps' ? 1 : part.int(1, 2));
    raster = orient(raster, part.int(0, 7));
    const share = copperShare(raster);
    if ((share > 0.03 && share < 0.97) || attempt > 8) return raster;
  }
}
