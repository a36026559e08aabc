import sharp from 'sharp';
import { MAX_PICTURE_PIXELS } from '../../contracts/artifacts.ts';
import { ProblemError } from '../problem.ts';
import { turnstile } from '../turnstile.ts';

// Paths are temporary names: a cache of open files by name would only keep deleted ones alive.
sharp.cache(false);

export interface PictureFacts {
  /** Pixels. */
  width: number;
  height: number;
  /** Whether every pixel decodes. A picture that does not is evidence all the same: it is stored, and a person looks at the inspection. */
  readable: boolean;
}

/** One picture is decoded at a time: a hundred megapixels take seconds of a core, and stations' requests come first. */
const oneByOne = turnstile(1);

/**
 * Reads the header and then decodes the whole picture once, by averaging it down to 16 x 16 pixels: every pixel is read, in rows, and memory stays
 * bounded for pictures that are not interlaced. libvips treats warnings (a truncated JPEG) as failures here.
 * @throws ProblemError content_mismatch when there is no readable header of this type, picture_too_large above 100 megapixels
 */
export async function inspectPicture(path: string, contentType: string, maxPixels = MAX_PICTURE_PIXELS): Promise<PictureFacts> {
  const header = await sharp(path, { limitInputPixels: false, failOn: 'none' })
    .metadata()
    .catch(() => null);
  const { width = 0, height = 0, format = 'nothing' } = header ?? {};
  if (`image/${format}` !== contentType || width < 1 || height < 1)
    throw new ProblemError('content_mismatch', {
      detail: `The content type says ${contentType}, but the picture's header cannot be read as that`,
    });
  if (width * height > maxPixels)
    throw new ProblemError('picture_too_large', {
      detail: `The picture has ${width} x ${height} pixels; ${maxPixels / 1e6} megapixels are the limit`,
    });
  const readable = await oneByOne(() =>
    sharp(path, { limitInputPixels: maxPixels, sequentialRead: true, failOn: 'warning' })
      .resize(16, 16, { fit: 'fill', kernel: 'cubic', fastShrinkOnLoad: false })
      .raw()
      .toBuffer()
      .then(
        () => true,
        () => false,
      ),
  );
  return { width, height, readable };
}
