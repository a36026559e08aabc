import type { Random } from './random.ts';
import type { Raster } from './raster.ts';
import { makeRaster } from './raster.ts';

/**
 * How a camera and an etch bath turn the drawn board into a picture. Lengths in px, angles in radians.
 * `stretch*` is the growth per px counted from the side `stretchFrom*` (0 = left or top, 1 = right or bottom), as a
 * line-scan camera running a little too fast or too slow gives; `bias` and `localEtch` move edges outward (copper grows)
 * by that many px, everywhere or in patches of about 60 px; `roughness` is the deviation of an edge's place, `runs` the
 * share of it (0..1) that keeps for several px along the edge instead of changing from pixel to pixel; `wobble` is the
 * largest sideways slip of a scan line, `bend` that of an uneven stretch, which moves one end of a board and not the other.
 */
export interface Imaging {
  readonly shiftX: number;
  readonly shiftY: number;
  readonly rotation: number;
  readonly stretchX: number;
  readonly stretchY: number;
  readonly stretchFromX: number;
  readonly stretchFromY: number;
  readonly wobble: number;
  readonly bias: number;
  readonly localEtch: number;
  readonly roughness: number;
  readonly runs: number;
  readonly bend: number;
}

export const stillImaging: Imaging = {
  shiftX: 0,
  shiftY: 0,
  rotation: 0,
  stretchX: 0,
  stretchY: 0,
  stretchFromX: 0,
  stretchFromY: 0,
  wobble: 0,
  bias: 0,
  localEtch: 0,
  roughness: 0,
  runs: 0,
  bend: 0,
};

/** What a golden template is scanned with: no geometry, a little roughness. */
export function drawTemplateImaging(random: Random): Imaging {
  return {
    ...stillImaging,
    roughness: random.chance(0.3) ? 0 : random.range(0.03, 0.4),
    runs: random.range(0, 1),
    localEtch: random.range(0, 0.25),
  };
}

const within = (value: number, limit: number): number => Math.max(-limit, Math.min(limit, value));

/** A day at the station: mostly half a pixel off, now and then four, as in DeepPCB. */
export function drawImaging(random: Random): Imaging {
  const calm = random.chance(0.5);
  const shift = calm ? 0.5 : 1.2;
  const stretch = (): number => (random.chance(calm ? 0.1 : 0.45) ? random.range(-0.006, 0.006) : random.range(-0.0008, 0.0008));
  return {
    shiftX: within(shift * random.normal(), 4),
    shiftY: within(shift * random.normal(), 4),
    rotation: within(random.normal() * (calm ? 0.0003 : 0.0009), 0.0025),
    stretchX: stretch(),
    stretchY: stretch(),
    stretchFromX: random.int(0, 1),
    stretchFromY: random.int(0, 1),
    wobble: random.chance(0.3) ? random.range(0, 0.8) : 0,
    bend: random.chance(calm ? 0.15 : 0.5) ? random.range(0.3, 2.2) : 0,
    bias: random.chance(0.2) ? within(0.6 * random.normal(), 1.2) : within(0.2 * random.normal(), 0.6),
    localEtch: random.range(0, calm ? 0.2 : 0.5),
    roughness: random.chance(0.3) ? random.range(0, 0.1) : random.range(0.08, 0.42),
    runs: random.range(0, 1),
  };
}

/** Smooth field between -1 and 1 on a coarse grid; read with `fieldAt`. */
interface Field {
  readonly cell: number;
  readonly columns: number;
  readonly values: Float32Array;
}

function drawField(random: Random, width: number, height: number, cell: number): Field {
  const columns = Math.ceil(width / cell) + 2;
  const values = new Float32Array(columns * (Math.ceil(height / cell) + 2));
  for (let i = 0; i < values.length; i++) values[i] = within(random.normal() * 0.6, 1);
  return { cell, columns, values };
}

function fieldAt(field: Field, x: number, y: number): number {
  const u = x / field.cell;
  const v = y / field.cell;
  const i = Math.floor(u);
  const j = Math.floor(v);
  const at = j * field.columns + i;
  const top = (field.values[at] as number) * (1 - u + i) + (field.values[at + 1] as number) * (u - i);
  const low = (field.values[at + field.columns] as number) * (1 - u + i) + (field.values[at + field.columns + 1] as number) * (u - i);
  return top * (1 - v + j) + low * (v - j);
}

const tileSide = 128;

/** Mean over 7 x 7 of the wrapped tile, scaled back to the deviation it had; sums run along rows, then columns. */
function coarsen(tile: Float32Array): Float32Array {
  const n = tileSide;
  let from = tile;
  for (const [step, stride] of [
    [1, n],
    [n, 1],
  ] as const) {
    const to = new Float32Array(n * n);
    for (let line = 0; line < n; line++) {
      for (let k = 0; k < n; k++) {
        let sum = 0;
        for (let d = -3; d <= 3; d++) sum += from[line * stride + ((k + d + n) % n) * step] as number;
        to[line * stride + k * step] = sum * 0.38;
      }
    }
    from = to;
  }
  return from;
}

/** A square tile of noise with deviation about 1, wrapped; `runs` blends from single pixels (0) to runs of about seven (1). */
function drawNoiseTile(random: Random, runs: number): Float32Array {
  const n = tileSide;
  const raw = new Float32Array(n * n);
  for (let i = 0; i < raw.length; i++) raw[i] = random.next() + random.next() + random.next() - 1.5;
  const out = new Float32Array(n * n);
  for (let y = 0; y < n; y++) {
    for (let x = 0; x < n; x++) {
      const at = y * n + x;
      const left = y * n + ((x + n - 1) % n);
      const right = y * n + ((x + 1) % n);
      const up = ((y + n - 1) % n) * n + x;
      const down = ((y + 1) % n) * n + x;
      out[at] =
        (raw[at] as number) * 1.2 + 0.65 * ((raw[left] as number) + (raw[right] as number) + (raw[up] as number) + (raw[down] as number));
    }
  }
  if (runs === 0) return out;
  const coarse = coarsen(raw);
  const scale = 1 / Math.hypot(runs, 1 - runs);
  for (let at = 0; at < out.length; at++) out[at] = scale * ((1 - runs) * (out[at] as number) + runs * 1.8 * (coarse[at] as number));
  return out;
}

/** Coverage of each pixel after optical blur, 0..81: two 3 x 3 box sums, deviation about 1.15 px. */
function soften(raster: Raster): Uint8Array {
  const { width, height, bits } = raster;
  const across = new Uint8Array(bits.length);
  for (let y = 0; y < height; y++) {
    const row = y * width;
    for (let x = 0; x < width; x++) {
      const l1 = row + Math.max(0, x - 1);
      const l2 = row + Math.max(0, x - 2);
      const r1 = row + Math.min(width - 1, x + 1);
      const r2 = row + Math.min(width - 1, x + 2);
      across[row + x] =
        (bits[l2] as number) + 2 * (bits[l1] as number) + 3 * (bits[row + x] as number) + 2 * (bits[r1] as number) + (bits[r2] as number);
    }
  }
  const out = new Uint8Array(bits.length);
  for (let y = 0; y < height; y++) {
    const row = y * width;
    const u1 = Math.max(0, y - 1) * width;
    const u2 = Math.max(0, y - 2) * width;
    const d1 = Math.min(height - 1, y + 1) * width;
    const d2 = Math.min(height - 1, y + 2) * width;
    for (let x = 0; x < width; x++) {
      out[row + x] =
        (across[u2 + x] as number) +
        2 * (across[u1 + x] as number) +
        3 * (across[row + x] as number) +
        2 * (across[d1 + x] as number) +
        (across[d2 + x] as number);
    }
  }
  return out;
}

/** How fast the softened coverage falls across an edge, per px, in the units of `soften`. */
const edgeSlope = 27;

function drawWobble(random: Random, height: number, size: number): Float32Array {
  const out = new Float32Array(height);
  if (size === 0) return out;
  const phase = random.range(0, 6.28);
  const period = random.range(60, 400);
  for (let y = 0; y < height; y++) out[y] = size * Math.sin((2 * Math.PI * y) / period + phase);
  return out;
}

/** A smooth curve of one long wave and one shorter, at most about `size` px from its middle, over the length of a side. */
function drawBend(random: Random, length: number, size: number): Float32Array {
  const out = new Float32Array(length);
  if (size === 0) return out;
  const [long, short] = [random.range(0.9, 2.4) * length, random.range(0.35, 0.8) * length];
  const [first, second] = [random.range(0, 6.28), random.range(0, 6.28)];
  for (let k = 0; k < length; k++) {
    out[k] = size * (0.8 * Math.sin((2 * Math.PI * k) / long + first) + 0.2 * Math.sin((2 * Math.PI * k) / short + second));
  }
  return out;
}

/**
 * Takes a picture of the board: warp, blur, noise, threshold. Same size as the board; same random state, same picture.
 * With `stillImaging` only the blur remains, which rounds corners by about a pixel.
 */
export function takePicture(board: Raster, imaging: Imaging, random: Random): Raster {
  const { width, height } = board;
  const soft = soften(board);
  const tile = drawNoiseTile(random.fork(1), imaging.runs);
  const field = drawField(random.fork(2), width, height, 60);
  const slip = drawWobble(random.fork(3), height, imaging.wobble);
  const bendX = drawBend(random.fork(4), width, imaging.bend);
  const bendY = drawBend(random.fork(5), height, imaging.bend);
  const offsetX = random.int(0, tileSide - 1);
  const offsetY = random.int(0, tileSide - 1);
  const out = makeRaster(width, height);
  const middleX = width / 2;
  const middleY = height / 2;
  const stepU = 1 + imaging.stretchX;
  const stepV = -imaging.rotation;
  for (let y = 0; y < height; y++) {
    let u = imaging.shiftX + imaging.rotation * (y - middleY) - imaging.stretchX * imaging.stretchFromX * width + (slip[y] as number);
    let v = y + (bendY[y] as number) + imaging.shiftY + imaging.rotation * middleX + imaging.stretchY * (y - imaging.stretchFromY * height);
    const noiseRow = ((y + offsetY) % tileSide) * tileSide;
    for (let x = 0; x < width; x++, u += stepU, v += stepV) {
      const bent = u + (bendX[x] as number);
      const cu = bent < 0 ? 0 : bent > width - 1 ? width - 1 : bent;
      const cv = v < 0 ? 0 : v > height - 1 ? height - 1 : v;
      const i = cu | 0;
      const j = cv | 0;
      const a = cu - i;
      const b = cv - j;
      const at = j * width + i;
      const right = i + 1 < width ? at + 1 : at;
      const below = j + 1 < height ? width : 0;
      const cover =
        ((soft[at] as number) * (1 - a) + (soft[right] as number) * a) * (1 - b) +
        ((soft[at + below] as number) * (1 - a) + (soft[right + below] as number) * a) * b;
      if (cover < 3) continue;
      if (cover > 78) {
        out.bits[y * width + x] = 1;
        continue;
      }
      const grain = tile[noiseRow + ((x + offsetX) % tileSide)] as number;
      const move = imaging.bias + imaging.localEtch * fieldAt(field, x, y) + imaging.roughness * grain;
      if (cover + edgeSlope * move > 40.5) out.bits[y * width + x] = 1;
    }
  }
  return out;
}
