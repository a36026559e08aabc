import sharp from 'sharp';
import { MAX_PICTURE_PIXELS } from '../../contracts/artifacts.ts';
import type { InputFeatures } from '../../contracts/inference.ts';
import { DECODE_SECONDS } from '../../platform/pictures/inspect.ts';
import { align } from './align.ts';
import type { BoardPair, PairFault, Plane } from './messages.ts';
import { moved } from './move.ts';
import { edgesOf, packedRows } from './packed-rows.ts';

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

/** Luminance below this is copper. */
const MIDDLE = 128;
/** Luminance from 32 to 223 is neither black nor white. */
const GREY = { from: 32, below: 224 };

/** Packs luminance, a byte a pixel, into bits. */
export function pack(pixels: Uint8Array, width: number, height: number): Plane {
  const stride = Math.ceil(width / 8);
  const bits = new Uint8Array(stride * Math.ceil(height / 8) * 8);
  let at = 0;
  for (let y = 0; y < height; y += 1) {
    const row = y * stride;
    for (let x = 0; x < width; x += 1, at += 1) if ((pixels[at] as number) < MIDDLE) bits[row + (x >> 3)]! |= 128 >> (x & 7);
  }
  return { width, height, bits };
}

/** Pixels that are neither black nor white. */
function greysOf(pixels: Uint8Array): number {
  let greys = 0;
  for (let at = 0; at < pixels.length; at += 1) {
    const value = pixels[at] as number;
    if (value >= GREY.from && value < GREY.below) greys += 1;
  }
  return greys;
}

interface Grey {
  pixels: Uint8Array;
  width: number;
  height: number;
}

/** @throws Error for a file of several pages too: only one would be looked at, and what the others show would pass unseen */
async function readGrey(bytes: Uint8Array): Promise<Grey> {
  const picture = sharp(bytes, { limitInputPixels: MAX_PICTURE_PIXELS, failOn: 'error' });
  const { pages = 1 } = await picture.metadata();
  if (pages > 1) throw new Error(`the file holds ${pages} pictures, one is looked at`);
  const { data, info } = await picture
    .timeout({ seconds: DECODE_SECONDS })
    .flatten({ background: '#ffffff' })
    .toColourspace('b-w')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 1) throw new Error(`${info.channels} channels as grey`);
  return { pixels: data, width: info.width, height: info.height };
}

/** Luminance below 128 is copper, transparent counts as laminate. @throws whatever the decoder finds wrong with the bytes */
export async function readPlane(bytes: Uint8Array): Promise<Plane> {
  const { pixels, width, height } = await readGrey(bytes);
  return pack(pixels, width, height);
}

const rounded = (value: number, digits: number) => Number(value.toFixed(digits));

/**
 * Decodes both pictures, one after the other, so that only one is unpacked at a time; measures how they lie on each other, and moves the template
 * under the picture by whole pixels. A picture or template that is all copper or all laminate shows no board: two of a dark camera would be alike.
 * @throws UnfitPair
 */
export async function readPair(image: Uint8Array, reference: Uint8Array): Promise<{ pair: BoardPair; features: InputFeatures }> {
  const read = async <Read>(fault: PairFault, reading: () => Promise<Read>): Promise<Read> => {
    try {
      return await reading();
    } catch (error) {
      throw new UnfitPair(fault, error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
    }
  };
  const { inspected, greys } = await read('unreadable_image', async () => {
    const { pixels, width, height } = await readGrey(image);
    return { inspected: pack(pixels, width, height), greys: greysOf(pixels) };
  });
  const template = await read('unreadable_reference', () => readPlane(reference));
  if (inspected.width !== template.width || inspected.height !== template.height)
    throw new UnfitPair(
      'size_mismatch',
      `the picture is ${inspected.width} x ${inspected.height}, the template ${template.width} x ${template.height} pixels`,
    );
  const [rows, wanted] = [packedRows(inspected), packedRows(template)];
  const { edges, copper } = edgesOf(rows);
  if (edges === 0)
    throw new UnfitPair('unreadable_image', `the picture is all ${copper > 0 ? 'darker' : 'lighter'} than mid grey: it shows no board`);
  if (edgesOf(wanted).edges === 0)
    throw new UnfitPair('unreadable_reference', 'the template is all of one side of mid grey: it shows no board');
  const { shift, residual, stretch, lengthened } = align(wanted, rows);
  return {
    pair: { template: moved(template, shift), inspected },
    features: {
      copper_fraction: rounded(copper / (inspected.width * inspected.height), 5),
      shift: { dx: shift.dx, dy: shift.dy },
      residual: rounded(residual, 5),
      stretch: rounded(stretch, 2),
      lengthened: { x: rounded(lengthened.x, 2), y: rounded(lengthened.y, 2) },
      sharpness: rounded(edges / (edges + greys), 4),
    },
  };
}
