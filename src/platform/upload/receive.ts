import type { IncomingMessage } from 'node:http';
import { PICTURE_TYPES } from '../../contracts/artifacts.ts';
import type { Blobs, Staged } from '../blob/blobs.ts';
import { inspectPicture, type PictureFacts } from '../pictures/inspect.ts';
import { ProblemError } from '../problem.ts';
import { announcedSha256, holdToDigest } from './digest.ts';
import { dispositionFilename, plainFilename } from './filename.ts';
import { openForm } from './multipart.ts';
import { provenType } from './true-type.ts';

export interface UploadRules {
  blobs: Blobs;
  /** Bytes of the file. */
  limit: number;
  /** Milliseconds from here to the last byte. */
  timeoutMs: number;
  /** Content types that are taken here. */
  types: readonly string[];
}

/** A file that arrived whole and is what it says. Whoever gets it ends `staged`. */
export interface Received {
  staged: Staged;
  contentType: string;
  filename: string | null;
  /** Null for files that are no picture. */
  picture: PictureFacts | null;
}

/** What the lines of a form may add to its file. */
const FORM_ROOM = 64 * 1024;

const mediaType = (header: string | undefined): string => (header ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';

function judgeType(type: string, types: readonly string[]): void {
  if (!types.includes(type))
    throw new ProblemError('unsupported_media_type', {
      detail: `Taken here: ${types.join(', ')}${type === '' ? '' : `; not ${type.slice(0, 100)}`}`,
    });
}

const tooLarge = (limit: number) => new ProblemError('payload_too_large', { detail: `A file may have ${limit} bytes` });

const timedOut = () => new ProblemError('request_timeout', { headers: { connection: 'close' } });

/** The bytes until `late` rejects: a body that dribbles must not hold its reader, and the connection has to live on for the answer. */
async function* before(late: Promise<never>, bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const chunks = bytes[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await Promise.race([chunks.next(), late]);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    // Takes the listeners off the request, so that what is left of it can flow. Not awaited: behind a read that never ends it would not end either.
    chunks.return?.().catch(() => {});
  }
}

/** What a broken transfer is called, whatever broke it. */
function asTransferFault(error: unknown, deadline: AbortSignal): unknown {
  if (deadline.aborted) return timedOut();
  if (error instanceof ProblemError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE' ? new ProblemError('upload_incomplete', { cause: error }) : error;
}

async function stageFrom(
  source: IncomingMessage,
  rules: UploadRules,
): Promise<{ staged: Staged; contentType: string; filename: string | null }> {
  const { headers } = source;
  const isForm = mediaType(headers['content-type']) === 'multipart/form-data';
  if (!isForm) judgeType(mediaType(headers['content-type']), rules.types);
  if ((headers['content-encoding'] ?? 'identity') !== 'identity')
    throw new ProblemError('unsupported_media_type', { detail: 'Files are taken as they are, without Content-Encoding' });
  const announced = headers['content-length'] === undefined ? null : Number(headers['content-length']);
  if (announced !== null && announced > rules.limit + (isForm ? FORM_ROOM : 0)) throw tooLarge(rules.limit);

  const deadline = AbortSignal.timeout(rules.timeoutMs);
  const late = new Promise<never>((_resolve, reject) => {
    deadline.addEventListener('abort', () => reject(timedOut()), { once: true });
  });
  late.catch(() => {});
  try {
    const part = isForm ? await Promise.race([openForm(source, headers), late]) : null;
    const contentType = part ? mediaType(part.contentType) : mediaType(headers['content-type']);
    if (part) judgeType(contentType, rules.types);
    const bytes = part?.bytes ?? (source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>);
    const staged = await rules.blobs.stage(before(late, bytes), { limit: rules.limit, signal: deadline });
    if (part === null && announced !== null && staged.size < announced) {
      await staged.discard();
      throw new ProblemError('upload_incomplete');
    }
    return { staged, contentType, filename: part ? plainFilename(part.filename) : dispositionFilename(headers['content-disposition']) };
  } catch (error) {
    // What is left of the body is nobody's: the HTTP layer reads and forgets some of it before a 413.
    source.unpipe();
    if (error instanceof ProblemError && error.code === 'payload_too_large') throw tooLarge(rules.limit);
    throw asTransferFault(error, deadline);
  }
}

/**
 * Takes one file from a request, as the raw body or as the form field `file`: bounded memory, nothing kept when it is refused. Called when record
 * and kind are judged already, because a refusal then comes before the body is read.
 * @throws ProblemError unsupported_media_type, payload_too_large, empty_upload, upload_incomplete, request_timeout, content_mismatch,
 * picture_too_large, storage_full
 */
export async function receive(source: IncomingMessage, rules: UploadRules): Promise<Received> {
  const { staged, contentType, filename } = await stageFrom(source, rules);
  try {
    if (staged.size === 0) throw new ProblemError('empty_upload');
    holdToDigest(announcedSha256(source.headers, mediaType(source.headers['content-type']) === 'multipart/form-data'), staged.sha256);
    await provenType(staged.path, contentType);
    const isPicture = (PICTURE_TYPES as readonly string[]).includes(contentType);
    return { staged, contentType, filename, picture: isPicture ? await inspectPicture(staged.path, contentType) : null };
  } catch (error) {
    await staged.discard();
    throw error;
  }
}
