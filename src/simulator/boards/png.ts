import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import type { Raster } from './raster.ts';
import { makeRaster } from './raster.ts';

function chunk(type: string, data: Uint8Array): Buffer {
  const out = Buffer.alloc(data.length + 12);
  out.writeUInt32BE(data.length, 0);
  out.write(type, 4, 'latin1');
  out.set(data, 8);
  out.writeUInt32BE(crc32(out.subarray(4, 8 + data.length)), 8 + data.length);
  return out;
}

/**
 * The raster as a 1-bit greyscale PNG, copper black and laminate white as DeepPCB has it; about 4 kB at 640 x 640.
 * Written here because sharp only makes 1-bit PNGs with a palette.
 */
export function encodePng(raster: Raster): Buffer {
  const { width, height, bits } = raster;
  const stride = 1 + Math.ceil(width / 8);
  const rows = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (bits[y * width + x] === 0) {
        const at = y * stride + 1 + (x >> 3);
        rows[at] = (rows[at] as number) | (128 >> (x & 7));
      }
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head[8] = 1;
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** Reads any picture sharp can read as a raster: darker than 128 is copper. */
export async function decodePng(data: Uint8Array): Promise<Raster> {
  const { data: grey, info } = await sharp(data).toColourspace('b-w').raw().toBuffer({ resolveWithObject: true });
  const raster = makeRaster(info.width, info.height);
  for (let i = 0; i < raster.bits.length; i++) raster.bits[i] = (grey[i * info.channels] as number) < 128 ? 1 : 0;
  return raster;
}
