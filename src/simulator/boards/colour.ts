import sharp from 'sharp';
import { distanceToEdge } from './morphology.ts';
import { Random } from './random.ts';
import type { Raster } from './raster.ts';
import { boxCorners, fillDisc, makeRaster, strokePath } from './raster.ts';
import { isFree } from './routing.ts';

/** Base colours 0..255 of copper and of green laminate; each board shifts them a little. */
const copperBase = [203, 132, 78] as const;
const laminateBase = [24, 88, 54] as const;

const clearance = 10;

/** Letters and part outlines that a screen printer put on bare laminate, `clearance` px from copper. */
function drawSilkscreen(raster: Raster, random: Random): Raster {
  const { width, height } = raster;
  const ink = makeRaster(width, height);
  for (let k = random.int(3, 8); k > 0; k--) {
    const centre = { x: random.range(0, width), y: random.range(0, height) };
    if (random.chance(0.5)) {
      const corners = boxCorners(centre, random.range(50, 150), random.range(30, 90), 0, 0);
      const outline = [...corners, corners[0] ?? centre];
      if (isFree(raster, outline, clearance)) strokePath(ink, outline, 2.6, 1);
      continue;
    }
    const high = random.range(12, 20);
    const letters = random.int(2, 4);
    const middle = [
      { x: centre.x, y: centre.y + high / 2 },
      { x: centre.x + letters * high * 0.8, y: centre.y + high / 2 },
    ];
    const room = isFree(raster, middle, high / 2 + clearance);
    for (let letter = 0; letter < letters; letter++) {
      const x = centre.x + letter * high * 0.8;
      const spots = [0, 1, 2, 3, 4, 5].map((n) => ({ x: x + (n % 2) * high * 0.5, y: centre.y + Math.floor(n / 2) * high * 0.5 }));
      const strokes = random.shuffle(spots).slice(0, 4);
      if (room) strokePath(ink, strokes, 2.2, 1);
    }
  }
  return ink;
}

/** Specks and short fibres, light and half transparent: they tint what is below and never turn one phase into the other. */
function drawDust(width: number, height: number, random: Random): Raster {
  const dust = makeRaster(width, height);
  for (let k = random.int(4, 18); k > 0; k--) {
    const at = { x: random.range(0, width), y: random.range(0, height) };
    if (random.chance(0.7)) fillDisc(dust, at, random.range(0.6, 1.8), 1);
    else strokePath(dust, [at, { x: at.x + random.range(-14, 14), y: at.y + random.range(-14, 14) }], 1.2, 1);
  }
  return dust;
}

/**
 * Paints the raster for people: copper brushed along its rolling direction on green FR4, lit from one side, with
 * vignette, silkscreen and dust. Returns H * W * 3 bytes. Copper keeps red over green and laminate green over red, so
 * the paint loses nothing: `red > green` gives the raster back.
 */
export function paint(raster: Raster, seed: number): Uint8Array {
  const { width, height, bits } = raster;
  const random = new Random(seed).fork(7);
  const distance = distanceToEdge(raster);
  const ink = drawSilkscreen(raster, random.fork(1));
  const dust = drawDust(width, height, random.fork(2));
  const tint = random.range(-9, 9);
  const grain = Float32Array.from({ length: height }, () => random.normal());
  const fleck = Float32Array.from({ length: 4096 }, () => random.normal());
  const lightX = random.range(-1, 1);
  const lightY = random.range(-1, 1);
  const glareAt = random.range(0.2, 0.8);
  const out = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const v = y / height - 0.5;
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      const u = x / width - 0.5;
      const metal = bits[at] === 1;
      const slope = u * lightX + v * lightY;
      const glare = Math.exp(-(((slope + 0.5 - glareAt) * 4) ** 2));
      const vignette = 1 - 0.45 * (u * u + v * v);
      const rim = (distance[at] as number) <= 4 ? (metal ? 1.1 : 0.72) : 1;
      const brushed = metal ? 7 * (grain[y] as number) * (0.6 + 0.4 * Math.sin(x / 37 + y)) : 0;
      const noise = (metal ? 4 : 5) * (fleck[(at * 7 + (at >> 9)) & 4095] as number) + brushed;
      const base = metal ? copperBase : laminateBase;
      const gain = vignette * rim * (1 + 0.12 * slope + (metal ? 0.28 : 0.1) * glare);
      let red = (base[0] + tint * (metal ? 1 : 0.3)) * gain + noise;
      let green = base[1] * gain + noise * (metal ? 0.8 : 1);
      let blue = base[2] * gain + noise * 0.7;
      if (ink.bits[at] === 1) {
        red = 0.25 * red + 0.75 * 205 * vignette;
        green = 0.25 * green + 0.75 * 216 * vignette;
        blue = 0.25 * blue + 0.75 * 208 * vignette;
      }
      if (dust.bits[at] === 1) {
        red += 26;
        green += 26;
        blue += 24;
      }
      red = Math.max(0, Math.min(255, Math.round(red)));
      green = Math.max(0, Math.min(255, Math.round(green)));
      if (metal && red <= green) green = Math.max(0, red - 1);
      if (!metal && red > green) red = green;
      if (metal && red === 0) red = 1;
      out[3 * at] = red;
      out[3 * at + 1] = green;
      out[3 * at + 2] = Math.max(0, Math.min(255, Math.round(blue)));
    }
  }
  return out;
}

/** `paint` as a file: PNG keeps every pixel (about 900 kB at 640 x 640), JPEG is for show (about 90 kB). */
export async function renderColour(raster: Raster, seed: number, format: 'png' | 'jpeg' = 'jpeg'): Promise<Buffer> {
  const picture = sharp(paint(raster, seed), { raw: { width: raster.width, height: raster.height, channels: 3 } });
  return format === 'png' ? picture.png().toBuffer() : picture.jpeg({ quality: 86, chromaSubsampling: '4:4:4' }).toBuffer();
}
