import type { Random } from './random.ts';
import type { Point, Raster } from './raster.ts';
import { boxCorners, fillDisc, fillEllipse, fillPolygon, fillRect, fillRoundBox, strokePath } from './raster.ts';
import type { TraceRule } from './routing.ts';
import { drawTrace, freeLength, wander } from './routing.ts';

/** Is the rectangle about `centre` free of copper, sampled every 4 px? */
export function isRoomFor(raster: Raster, centre: Point, width: number, height: number): boolean {
  const { bits } = raster;
  const x2 = Math.min(raster.width - 1, centre.x + width / 2);
  const y2 = Math.min(raster.height - 1, centre.y + height / 2);
  for (let y = Math.max(0, Math.floor(centre.y - height / 2)); y <= y2; y += 4) {
    for (let x = Math.max(0, Math.floor(centre.x - width / 2)); x <= x2; x += 4) if (bits[y * raster.width + x] === 1) return false;
  }
  return true;
}

const padShapes = ['disc', 'ring', 'rect', 'round', 'octagon', 'oblong', 'drop', 'holed'] as const;
export type PadShape = (typeof padShapes)[number];

/** One pad about `radius` px in half width; holes are laminate. */
export function drawPad(raster: Raster, random: Random, centre: Point, radius: number, shape: PadShape, angle = 0): void {
  const side = 2 * radius;
  const hole = Math.max(3, radius * random.range(0.25, 0.5));
  let drilled = shape === 'ring' || shape === 'drop';
  switch (shape) {
    case 'disc':
    case 'ring':
      fillDisc(raster, centre, radius, 1);
      break;
    case 'rect':
      fillPolygon(raster, boxCorners(centre, side, side * random.range(0.7, 1.3), angle, 0), 1);
      break;
    case 'round':
      fillRoundBox(raster, centre, side, side * random.range(0.8, 1.8), angle, radius * 0.4, 1);
      break;
    case 'octagon':
      fillPolygon(raster, boxCorners(centre, side, side * random.range(0.9, 1.5), angle, radius * 0.6), 1);
      drilled = random.chance(0.7);
      break;
    case 'oblong':
      fillRoundBox(raster, centre, side, side * random.range(1.3, 2.2), angle, radius, 1);
      drilled = random.chance(0.6);
      break;
    case 'drop': {
      const to = random.range(0, 6.28);
      strokePath(raster, [centre, { x: centre.x + Math.cos(to) * radius, y: centre.y + Math.sin(to) * radius }], radius * 1.3, 1);
      fillDisc(raster, centre, radius, 1);
      break;
    }
    case 'holed':
      fillPolygon(raster, boxCorners(centre, side * 1.4, side * 1.4, angle, random.range(0, radius)), 1);
      for (let k = random.int(1, 3); k > 0; k--) {
        const spot = { x: centre.x + random.range(-0.8, 0.8) * radius, y: centre.y + random.range(-0.8, 0.8) * radius };
        fillDisc(raster, spot, Math.max(3, radius * 0.2), 0);
      }
  }
  if (drilled) fillDisc(raster, centre, hole, 0);
}

/** A trace from a pad outward, as long as there is room; nothing is drawn where fewer than 25 px are free. */
function drawStub(raster: Raster, random: Random, from: Point, start: number, heading: number, rule: TraceRule): void {
  const step = (heading * Math.PI) / 4;
  const first = { x: from.x + Math.cos(step) * start, y: from.y + Math.sin(step) * start };
  const path = wander(random, { start: first, heading, shortest: 15, longest: 160, turns: random.int(0, 4) });
  const free = freeLength(raster, path, rule.width / 2 + rule.gap);
  const total = path.slice(1).reduce((sum, q, i) => sum + Math.hypot(q.x - (path[i] as Point).x, q.y - (path[i] as Point).y), 0);
  const length = Math.min(total, free - rule.end - 2);
  if (length < 25) return;
  const cut: Point[] = [from];
  let left = length;
  for (let i = 0; i + 1 < path.length && left > 0; i++) {
    const p = path[i] as Point;
    const q = path[i + 1] as Point;
    const span = Math.hypot(q.x - p.x, q.y - p.y);
    const share = Math.min(1, left / span);
    if (i === 0) cut.push(p);
    cut.push({ x: p.x + (q.x - p.x) * share, y: p.y + (q.y - p.y) * share });
    left -= span;
  }
  drawTrace(raster, cut, rule, random.chance(0.75) ? 'last' : 'none');
}

/** A row or two of pads (connector, dual in line, fine-pitch row), some with traces leaving; silent where there is no room. */
export function drawPadRows(raster: Raster, random: Random, centre: Point, rule: TraceRule, radius: number): void {
  const fine = random.chance(0.4);
  const long = fine ? random.range(20, 50) : radius * 2;
  const across = fine ? Math.max(5, rule.width * random.range(1, 1.6)) : radius * 2;
  const pitch = across + Math.max(7, fine ? rule.gap * random.range(0.7, 1.2) : rule.gap * random.range(0.9, 2.5));
  const count = random.int(2, fine ? 12 : 6);
  const rows = random.int(1, 2);
  const apart = long + random.range(20, 90);
  const wide = count * pitch + 2 * rule.gap;
  const high = rows * apart + long;
  if (!isRoomFor(raster, centre, wide, high)) return;
  const shape: PadShape = random.pick(['disc', 'ring', 'rect', 'round', 'octagon', 'oblong', 'drop']);
  const spots: { at: Point; heading: number }[] = [];
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < count; k++) {
      const at = { x: centre.x + (k - (count - 1) / 2) * pitch, y: centre.y + (row - (rows - 1) / 2) * apart };
      if (fine) fillRect(raster, at.x - across / 2, at.y - long / 2, at.x + across / 2, at.y + long / 2, 1);
      else drawPad(raster, random, at, radius, shape);
      spots.push({ at, heading: rows === 1 ? random.pick([2, 6]) : row === 0 ? 6 : 2 });
    }
  }
  for (const spot of spots) {
    if (!random.chance(0.7)) continue;
    drawStub(raster, random, spot.at, long / 2 + rule.gap + rule.width / 2 + 3, spot.heading, rule);
  }
}

/** A grid of balls or vias, some missing, some with a short trace to one side. */
export function drawGrid(raster: Raster, random: Random, centre: Point, rule: TraceRule): void {
  const radius = Math.max(5, rule.width * random.range(0.7, 1.3));
  const pitch = 2 * radius + Math.max(10, rule.gap * random.range(1, 2.4));
  const columns = random.int(2, 7);
  const rows = random.int(2, 7);
  if (!isRoomFor(raster, centre, columns * pitch + rule.gap, rows * pitch + rule.gap)) return;
  const filled = random.range(0.6, 1);
  for (let k = 0; k < columns * rows; k++) {
    if (!random.chance(filled)) continue;
    const at = {
      x: centre.x + ((k % columns) - (columns - 1) / 2) * pitch,
      y: centre.y + (Math.floor(k / columns) - (rows - 1) / 2) * pitch,
    };
    fillDisc(raster, at, radius, 1);
    if (random.chance(0.35)) drawStub(raster, random, at, radius + rule.gap + rule.width, random.int(0, 7), { ...rule, hole: 0 });
  }
}

/** A two-terminal part: two pads side by side, each perhaps with a trace. */
export function drawPair(raster: Raster, random: Random, centre: Point, rule: TraceRule, radius: number): void {
  const apart = radius * random.range(2.6, 4.5);
  if (!isRoomFor(raster, centre, apart + 2 * radius + 2 * rule.gap, apart + 2 * radius + 2 * rule.gap)) return;
  const turned = random.chance(0.12);
  const angle = turned ? random.range(0.2, 1.3) : random.pick([0, Math.PI / 2]);
  const shape: PadShape = random.pick(['rect', 'rect', 'round', 'octagon']);
  for (const side of [-1, 1]) {
    const at = { x: centre.x + (Math.cos(angle) * side * apart) / 2, y: centre.y + (Math.sin(angle) * side * apart) / 2 };
    drawPad(raster, random, at, radius, shape, angle);
    if (random.chance(0.8)) drawStub(raster, random, at, radius * 1.9 + rule.gap + 4, random.int(0, 7), rule);
  }
}

/** A hole in a pour with a pad in it, joined by nothing (anti-pad) or by two to four spokes (thermal relief). */
export function drawPourPad(raster: Raster, random: Random, centre: Point, radius: number, gap: number): void {
  fillDisc(raster, centre, radius + gap, 0);
  fillDisc(raster, centre, radius, 1);
  if (random.chance(0.5)) {
    const turn = random.pick([0, Math.PI / 4]);
    const spokes = random.pick([2, 4, 4]);
    for (let k = 0; k < spokes; k++) {
      const a = turn + (k * 2 * Math.PI) / spokes;
      strokePath(
        raster,
        [centre, { x: centre.x + Math.cos(a) * (radius + gap + 2), y: centre.y + Math.sin(a) * (radius + gap + 2) }],
        Math.max(6, radius * 0.45),
        1,
        false,
      );
    }
  }
  if (random.chance(0.6)) fillDisc(raster, centre, Math.max(3, radius * random.range(0.3, 0.6)), 0);
}

/** A few letter-like strokes, as part numbers etched in copper. */
export function drawLettering(raster: Raster, random: Random, corner: Point, width: number): void {
  const high = random.range(28, 60);
  for (let k = random.int(2, 8), x = corner.x; k > 0; k--, x += high * 0.85) {
    const spots = [
      [0, 0],
      [0.55, 0],
      [0, 0.5],
      [0.55, 0.5],
      [0, 1],
      [0.55, 1],
    ].map(([u, v]) => ({ x: x + (u as number) * high, y: corner.y + (v as number) * high }));
    strokePath(raster, random.shuffle(spots).slice(0, random.int(3, 5)), width, 1);
  }
}

/** A meander of a length-matched line. */
export function drawMeander(raster: Raster, random: Random, start: Point, rule: TraceRule): void {
  const pitch = rule.width + rule.gap;
  const high = random.range(25, 70);
  const path: Point[] = [{ x: start.x - random.range(30, 200), y: start.y }, start];
  let x = start.x;
  for (let k = random.int(3, 7) * 2, up = true; k > 0; k--, up = !up) {
    path.push({ x, y: start.y - (up ? high : 0) });
    x += pitch;
    path.push({ x, y: start.y - (up ? high : 0) });
  }
  path.push({ x: x + random.range(30, 200), y: (path[path.length - 1] as Point).y });
  if (
    freeLength(raster, path.slice(0, 2), rule.width) !== Infinity ||
    !isRoomFor(raster, { x: (start.x + x) / 2, y: start.y - high / 2 }, x - start.x + 40, high + 40)
  )
    return;
  drawTrace(raster, path, rule, 'both');
}

export function drawDot(raster: Raster, centre: Point, radius: number, squash: number): void {
  fillEllipse(raster, centre, radius, radius * squash, 1);
}
