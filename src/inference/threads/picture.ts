import sharp from 'sharp';
import { MAX_PICTURE_PIXELS } from '../../contracts/artifacts.ts';
import type { BoardPair, PairFault, Plane } from './messages.ts';

// The picture's memory goes back to the system at once: the whole platform has to stay below 512 MB.
sharp.cache(false);
sharp.concurrency(1);

export class UnfitPair extends Error {
  override readonly name = 'UnfitPair';
  readonly fault: PairFault;
  constructor(fault: PairFault, detail: string) {
    super(detail);
    this.fault = fault;
  }
}

/** Packs 8-bit pixels (0 = copper, anything else laminate) into bits. */
export function pack(pixels: Uint8Array, width: number, height: number): Plane {
  const stride = Math.ceil(width / 8);
  const bits = new Uint8Array(stride * Math.ceil(height / 8) * 8);
  let at = 0;
  for (let y = 0; y < height; y += 1) {
    const row = y * stride;
    for (let x = 0; x < width; x += 1, at += 1) if (pixels[at] === 0) bits[row + (x >> 3)]! |= 128 >> (x & 7);
  }
  return { width, height, bits };
}

/** Luminance below 128 is copper, transparent counts as laminate. @throws whatever the decoder finds wrong with the bytes */
export async function readPlane(bytes: Uint8Array): Promise<Plane> {
  const { data, info } = await sharp(bytes, { limitInputPixels: MAX_PICTURE_PIXELS, failOn: 'error' })
    .flatten({ background: '#ffffff' })
    .threshold(128)
    .toColourspace('b-w')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 1) throw new Error(`${info.channels} channels after thresholding`);
  return pack(data, info.width, info.height);
}

/** One after the other, so that only one picture is unpacked at a time. @throws UnfitPair */
export async function readPair(image: Uint8Array, reference: Uint8Array): Promise<BoardPair> {
  const read = async (bytes: Uint8Array, fault: PairFault): Promise<Plane> => {
    try {
      return await readPlane(bytes);
    } catch (error) {
      throw new UnfitPair(fault, error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
    }
  };
  const inspected = await read(image, 'unreadable_image');
  const template = await read(reference, 'unreadable_reference');
  if (inspected.width !== template.width || inspected.height !== template.height)
    throw new UnfitPair(
      'size_mismatch',
      `the picture is ${inspected.width} x ${inspected.height}, the template ${template.width} x ${template.height} pixels`,
    );
  return { template, inspected };
}
