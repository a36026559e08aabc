import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Busboy, type BusboyHeaders } from '@fastify/busboy';
import { invalid, ProblemError } from '../problem.ts';

export interface Part {
  /** As the part says; '' when it says nothing. */
  contentType: string;
  filename: string | null;
  /** Ends only when the whole form has arrived: a form cut off after the file throws. */
  bytes: AsyncIterable<Buffer>;
}

const incomplete = (cause?: unknown) => new ProblemError('upload_incomplete', { cause });

/**
 * The one file of a form (RFC 7578), in the field `file`, as a stream. Other fields are passed over; a second file is refused.
 * @throws ProblemError validation_error without the file, malformed_request when it is no form, upload_incomplete when it ends early
 */
export function openForm(source: Readable, headers: IncomingHttpHeaders): Promise<Part> {
  return new Promise((resolve, reject) => {
    let parser: InstanceType<typeof Busboy>;
    try {
      parser = new Busboy({
        headers: headers as BusboyHeaders,
        limits: { fields: 20, fieldSize: 4096, files: 2, parts: 30, headerPairs: 50 },
      });
    } catch (cause) {
      reject(new ProblemError('malformed_request', { detail: 'The form has no boundary', cause }));
      return;
    }
    let found: (Readable & { truncated?: boolean }) | null = null;
    let extra = false;
    const whole = pipeline(source, parser).then(
      () => {
        if (extra) throw invalid('body -> file', 'One file at a time', 'maxItems');
        if (found === null) throw invalid('body -> file', 'The form has no file in the field "file"', 'required');
      },
      (cause: unknown) => {
        throw incomplete(cause);
      },
    );
    whole.catch((error: unknown) => {
      found?.destroy(error as Error);
      reject(error as Error);
    });
    parser.on('file', (field: string, stream: Readable, filename: string | undefined, _encoding: string, mimeType: string) => {
      if (field !== 'file' || found !== null) {
        if (found !== null) extra = true;
        stream.resume();
        return;
      }
      found = stream;
      stream.on('error', () => {});
      resolve({ contentType: mimeType, filename: filename ?? null, bytes: until(stream, whole) });
    });
  });
}

async function* until(stream: Readable, whole: Promise<void>): AsyncGenerator<Buffer> {
  try {
    yield* stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  } catch (error) {
    throw error instanceof ProblemError ? error : incomplete(error);
  }
  await whole;
}
