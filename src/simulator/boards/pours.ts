import { drawPourPad, isRoomFor } from './footprints.ts';
import type { Random } from './random.ts';
import type { Point, Raster } from './raster.ts';
import { boxCorners, fillDisc, fillEllipse, fillPolygon, fillRect, fillRoundBox, strokePath } from './raster.ts';
import { drawBundle, drawStart, wander } from './routing.ts';

/** Copper planes: one big round or chamfered pour (or two), with round and square cut-outs, grooves and pads in clearings. */
export function drawPlane(raster: Raster, random: Random): void {
  const size = raster.width;
  for (let k = random.int(1, 2); k > 0; k--) {
    const centre = { x: random.range(0, size), y: random.range(0, size) };
    if (random.chance(0.55)) fillEllipse(raster, centre, random.range(0.4, 1.1) * size, random.range(0.4, 1.1) * size, 1);
    else fillPolygon(raster, boxCorners(centre, random.range(0.5, 1.6) * size, random.range(0.5, 1.6) * size, 0, random.range(0, 160)), 1);
  }
  const groove = random.range(6, 18);
  const slots: Point[][] = [];
  for (let k = random.int(1, 6); k > 0; k--) {
    slots.push(wander(random, { ...drawStart(random, size), shortest: 20, longest: 260, turns: random.int(0, 5) }));
  }
  for (const slot of slots) {
    strokePath(raster, slot, groove, 0, false);
    const end = slot[slot.length - 1] as Point;
    const finish = random.chance(0.5) ? 'square' : random.chance(0.5) ? 'round' : 'plain';
    if (finish === 'square') fillRect(raster, end.x - groove, end.y - groove, end.x + groove, end.y + groove, 0);
    if (finish === 'round') fillDisc(raster, end, random.range(groove, 60), 0);
  }
  for (let k = random.int(0, 4); k > 0; k--) {
    const centre = { x: random.range(0, size), y: random.range(0, size) };
    if (random.chance(0.6)) {
      const r = random.range(15, 95);
      fillEllipse(raster, centre, r, r * random.range(0.9, 1.2), 0);
      if (random.chance(0.3)) fillDisc(raster, centre, r * random.range(0.3, 0.7), 1);
    } else {
      const w = random.range(50, 160);
      fillRoundBox(raster, centre, w, w * random.range(0.6, 1.3), 0, random.range(4, 40), 0);
      if (random.chance(0.5)) fillRect(raster, centre.x - 10, centre.y - w, centre.x + 10, centre.y - w * random.range(0.1, 0.3), 1);
    }
  }
  const radius = random.range(9, 26);
  const gap = random.range(8, 20);
  for (let k = random.int(0, 12); k > 0; k--)
    drawPourPad(raster, random, { x: random.range(0, size), y: random.range(0, size) }, radius, gap);
  for (let k = random.int(0, 10); k > 0; k--)
    fillDisc(raster, { x: random.range(0, size), y: random.range(0, size) }, random.range(4, 12), 0);
  if (random.chance(0.5)) {
    const width = random.range(7, 18);
    const rule = { width, gap: random.range(8, 22), end: random.chance(0.6) ? width * 1.3 : 0, hole: 0 };
    for (let k = random.int(1, 3); k > 0; k--) {
      const path = wander(random, { ...drawStart(random, size), shortest: 40, longest: 300, turns: random.int(1, 5) });
      drawBundle(raster, random, path, random.int(1, 5), rule, 'cut');
    }
  }
}

/** Broad conductors side by side along one axis, some with jogs, steps, lands with holes, or ends. */
export function drawStrips(raster: Raster, random: Random): void {
  const size = raster.width;
  const wide = random.range(18, 85);
  const gap = random.range(10, 42);
  const uneven = random.chance(0.6);
  const jog = random.chance(0.6);
  const bendAt = random.range(0.2, 0.8) * size;
  const shift = jog ? random.pick([-1, 1]) * random.range(20, 110) : 0;
  for (let x = -160 + random.range(-60, 0); x < size + 160; ) {
    const w = uneven ? wide * random.range(0.45, 1.7) : wide;
    const middle = x + w / 2;
    const path = jog
      ? [
          { x: middle, y: -60 },
          { x: middle, y: bendAt },
          { x: middle + shift, y: bendAt + Math.abs(shift) },
          { x: middle + shift, y: size + 60 },
        ]
      : [
          { x: middle, y: -60 },
          { x: middle, y: size + 60 },
        ];
    strokePath(raster, path, w, 1, false);
    if (random.chance(0.3)) {
      const y = random.range(0, size);
      const near = jog && y > bendAt ? middle + shift : middle;
      if (random.chance(0.5))
        fillRoundBox(raster, { x: near, y }, w + gap * random.range(0.2, 1.1), random.range(40, 160), 0, random.range(2, 20), 1);
      if (random.chance(0.7)) fillDisc(raster, { x: near, y }, random.range(4, Math.max(5, w * 0.25)), 0);
    }
    if (random.chance(0.3)) {
      const y = random.range(0.1, 0.9) * size;
      const near = jog && y > bendAt ? middle + shift : middle;
      fillRect(raster, near - w / 2 - 2, y, near + w / 2 + 2, y + gap * random.range(0.7, 1.4), 0);
    }
    x += w + gap * (uneven ? random.range(0.7, 1.3) : 1);
  }
  if (random.chance(0.4)) {
    const y = random.range(0, size);
    const width = random.range(12, 30);
    fillRect(raster, 0, y, size, y + width, 0);
    if (random.chance(0.5)) fillRect(raster, 0, y + width, size, y + width + random.range(12, 60), 1);
  }
}

/** Bands of copper keyed into each other by thin battlement-shaped gaps, with thin lines between the bands. */
export function drawSteps(raster: Raster, random: Random): void {
  const size = raster.width;
  raster.bits.fill(1);
  const slit = random.range(5, 11);
  const broad = random.range(10, 24);
  for (let y = random.range(-80, 40); y < size + 100; ) {
    const band = random.range(50, 150);
    const deep = Math.min(band - 3 * slit - 16, random.range(15, 90));
    if (deep > 14 && random.chance(0.8)) {
      const path: Point[] = [{ x: -20, y: y + slit * 2 }];
      let up = false;
      for (let x = random.range(0, 60); x < size + 30; x += random.range(30, 130)) {
        path.push({ x, y: y + slit * 2 + (up ? deep : 0) });
        up = !up;
        path.push({ x, y: y + slit * 2 + (up ? deep : 0) });
        if (random.chance(0.12))
          strokePath(
            raster,
            [
              { x, y: y - 5 },
              { x, y: y + band },
            ],
            slit,
            0,
            false,
          );
      }
      path.push({ x: size + 20, y: (path[path.length - 1] as Point).y });
      strokePath(raster, path, slit, 0, false);
    }
    y += band;
    fillRect(raster, 0, y, size, y + (random.chance(0.5) ? broad : slit), 0);
    y += broad;
    for (let k = random.int(0, 3); k > 0; k--) {
      const line = random.range(6, 22);
      fillRect(raster, 0, y + line, size, y + line + slit, 0);
      y += line + slit;
    }
  }
  if (random.chance(0.3)) {
    const edge = random.range(0.1, 0.7) * size;
    fillRect(raster, 0, 0, edge, size, 0);
    if (random.chance(0.5))
      strokePath(
        raster,
        [
          { x: edge / 2, y: -10 },
          { x: edge / 2, y: size + 10 },
        ],
        random.range(5, 20),
        1,
      );
  }
}

/** Large chamfered or rounded lands, some turned, with room between them. */
export function drawPads(raster: Raster, random: Random): void {
  const size = raster.width;
  const gap = random.range(14, 45);
  for (let k = random.int(6, 30); k > 0; k--) {
    const centre = { x: random.range(0, size), y: random.range(0, size) };
    const w = random.around(80, 0.7, 22, 320);
    const h = random.around(80, 0.7, 22, 320);
    if (!isRoomFor(raster, centre, w + 2 * gap, h + 2 * gap)) continue;
    const angle = random.chance(0.1) ? random.range(0.1, 1.4) : 0;
    if (random.chance(0.5))
      fillPolygon(raster, boxCorners(centre, w, h, angle, random.chance(0.4) ? 0 : random.range(0, 0.4) * Math.min(w, h)), 1);
    else fillRoundBox(raster, centre, w, h, angle, random.range(0.05, 0.5) * Math.min(w, h), 1);
    if (random.chance(0.2))
      fillDisc(
        raster,
        { x: centre.x + random.range(-0.25, 0.25) * w, y: centre.y + random.range(-0.25, 0.25) * h },
        random.range(4, 12),
        0,
      );
  }
}
