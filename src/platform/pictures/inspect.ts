import { open } from 'node:fs/promises';
import sharp from 'sharp';
import { MAX_PICTURE_PIXELS } from '../../contracts/artifacts.ts';
import { ProblemError } from '../problem.ts';
import { withDeadline } from '../telemetry/deadline.ts';
import { turnstile } from '../turnstile.ts';

// Paths are temporary names: a cache of open files by name would only keep deleted ones alive.
sharp.cache(false);

export interface PictureFacts {
  /** Pixels. */
  width: number;
  height: number;
  /** Whether every pixel decodes, in time. A picture that does not is evidence all the same: it is stored, and a person looks at the inspection. */
  readable: boolean;
}

/** One picture is decoded at a time: a hundred megapixels take seconds of a core, and stations' requests come first. */
const oneByOne = turnstile(1);

/** A picture that takes longer to decode (seconds) counts as one that does not: it holds up the others, and would hold up the model. */
export const DECODE_SECONDS = 30;

/** Of one side, in pixels, by what decodes: more fits into the headers. */
const LONGEST = { png: 100_000_000, webp: 16_383 };
const HEAD_BYTES = 30;

/** Whether a header that the decoder refuses says sides that are too long for it: those of PNG and WebP are read here, JPEG and TIFF it tells itself. */
async function isTooLong(path: string, refused: string): Promise<boolean> {
  if (/maximum supported image dimension|width\/height out of range/i.test(refused)) return true;
  const file = await open(path);
  try {
    const { buffer: head } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    if (head.toString('latin1', 12, 16) === 'IHDR') return Math.max(head.readUInt32BE(16), head.readUInt32BE(20)) > LONGEST.png;
    if (head.toString('latin1', 8, 16) === 'WEBPVP8X') return Math.max(head.readUIntLE(24, 3), head.readUIntLE(27, 3)) >= LONGEST.webp;
    return false;
  } finally {
    await file.close();
  }
}

/**
 * Reads the header and then decodes the whole picture once, by averaging it down to 16 x 16 pixels: every pixel is read, in rows, and memory stays
 * bounded for pictures that are not interlaced. libvips treats warnings (a truncated JPEG) as failures here.
 * @throws ProblemError content_mismatch when there is no readable header of this type, picture_too_large above 100 megapixels or for a side that no
 * decoder takes
 */
export async function inspectPicture(
  path: string,
  contentType: string,
  { maxPixels = MAX_PICTURE_PIXELS, seconds = DECODE_SECONDS } = {},
): Promise<PictureFacts> {
  let refused = '';
  const header = await sharp(path, { limitInputPixels: false, failOn: 'none' })
    .metadata()
    .catch((error: unknown) => {
      refused = String(error);
      return null;
    });
  if (header === null && (await isTooLong(path, refused)))
    throw new ProblemError('picture_too_large', { detail: 'A side of the picture is longer than its format can be decoded with' });
  const { width = 0, height = 0, format = 'nothing' } = header ?? {};
  if (`image/${format}` !== contentType || width < 1 || height < 1)
    throw new ProblemError('content_mismatch', {
      detail: `The content type says ${contentType}, but the picture's header cannot be read as that`,
    });
  if (width * height > maxPixels)
    throw new ProblemError('picture_too_large', {
      detail: `The picture has ${width} x ${height} pixels; ${maxPixels / 1e6} megapixels are the limit`,
    });
  const decode = () =>
    sharp(path, { limitInputPixels: maxPixels, sequentialRead: true, failOn: 'warning' })
      .resize(16, 16, { fit: 'fill', kernel: 'cubic', fastShrinkOnLoad: false })
      .raw()
      .toBuffer();
  // A time-out of sharp's own is looked at between pieces of its output, and 16 x 16 pixels are one piece.
  const readable = await oneByOne(() =>
    withDeadline(decode(), seconds * 1000).then(
      () => true,
      () => false,
    ),
  );
  return { width, height, readable };
}
