import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { every } from '../every.ts';
import { ProblemError } from '../problem.ts';
import { withDeadline } from '../telemetry/deadline.ts';
import type { Log } from '../telemetry/log.ts';
import { type Arrived, type ArrivingOptions, openArriving } from './arriving.ts';
import { type Blobs, longestSendMs, placeOf } from './blobs.ts';
import { farBytes } from './far-bytes.ts';
import { type Asked, isMissing, mayPass, wordsOf } from './s3-faults.ts';

export interface S3Options extends ArrivingOptions {
  /** Null: Amazon's own for the region. A given one is asked with the bucket in the path. */
  endpoint: string | null;
  bucket: string;
  region: string;
  /** Null: where the SDK looks for them (environment, files, the machine's role). */
  credentials: { accessKeyId: string; secretAccessKey: string } | null;
  log: Pick<Log, 'info' | 'warn'>;
}

const CONNECT_MS = 2000;
/** To the head of an answer, one try. */
const ANSWER_MS = 3000;
/** All tries of a call that sends no bytes. Below the 10 s after which the database ends a transaction that waits. */
const CALL_MS = 8000;
const SILENCE_MS = 10_000;
const TRIES = 3;
/** More than the 200 downloads that are let in at once, each of which may be slow, and what else asks beside them. */
const SOCKETS = 512;
/** How late a store that came back, or went away with nobody asking, is seen. */
const LOOK_MS = 5000;
/** Seconds, for whoever is refused. */
const RETRY_AFTER = 5;

/**
 * Blobs as objects `ab/<sha256>` of one bucket of an S3 store. Bytes arrive on the local disk, where they are hashed and checked, and are sent in one
 * piece with that hash, which the store holds them to. The bucket has to be there. Nothing waits for the store at the start; whatever it does, a call
 * ends in time, and the first that fails is logged and shown until a look finds the bucket again. The SDK is loaded here and nowhere else.
 */
export async function openS3Blobs(options: S3Options): Promise<Blobs> {
  const { bucket: Bucket, endpoint, region, credentials, log } = options;
  const { S3Client, ...s3 } = await import('@aws-sdk/client-s3');
  const quiet = () => undefined;
  const client = new S3Client({
    region,
    ...(endpoint === null ? {} : { endpoint, forcePathStyle: true }),
    ...(credentials === null ? {} : { credentials }),
    maxAttempts: TRIES,
    retryMode: 'standard',
    // Stores beside Amazon's stumble over checksums that trail chunked bodies. The hash of the bytes goes with them in a header instead.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: ANSWER_MS,
      throwOnRequestTimeout: true,
      httpAgent: { maxSockets: SOCKETS },
      httpsAgent: { maxSockets: SOCKETS },
    },
    // It would write to the console what is logged here.
    logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  });
  const ending = new AbortController();
  let trouble: string | null = null;

  function away(error: unknown): ProblemError {
    const words = wordsOf(error, Bucket);
    if (trouble !== words) log.warn({ bucket: Bucket, endpoint, reason: words, error: String(error) }, 'files are away');
    trouble = words;
    return new ProblemError('storage_unavailable', { retryAfter: RETRY_AFTER, cause: error });
  }

  /** Null when the object (by HEAD perhaps the bucket) is not there. @throws ProblemError storage_unavailable; the outer signal's reason */
  async function call<T>(
    asked: Asked,
    ask: (signal: AbortSignal) => Promise<T>,
    { millis = CALL_MS, outer = ending.signal } = {},
  ): Promise<T | null> {
    const late = new AbortController();
    try {
      // Whoever looks for keys heeds no signal: the time is watched here as well.
      return await withDeadline(ask(AbortSignal.any([late.signal, outer])), millis);
    } catch (error) {
      late.abort();
      outer.throwIfAborted();
      if (isMissing(error, asked)) return null;
      throw away(error);
    }
  }

  const head = (Key: string) => call('by head', (abortSignal) => client.send(new s3.HeadObjectCommand({ Bucket, Key }), { abortSignal }));

  /** @throws ProblemError storage_unavailable, also when there is no such bucket */
  async function findBucket(): Promise<void> {
    const found = await call('by head', (abortSignal) => client.send(new s3.HeadBucketCommand({ Bucket }), { abortSignal }));
    if (found === null) throw away(Object.assign(new Error('no such bucket'), { $metadata: { httpStatusCode: 404 } }));
  }

  /** The SDK sends a stream once; the file can be read again. */
  async function send({ path, sha256, size }: Arrived): Promise<void> {
    const Key = placeOf(sha256);
    if (await head(Key)) return;
    const ChecksumSHA256 = Buffer.from(sha256, 'hex').toString('base64');
    const millis = longestSendMs(size);
    await call(
      'with a body',
      async (abortSignal) => {
        for (let tries = 1; ; tries += 1) {
          const Body = createReadStream(path);
          try {
            const object = new s3.PutObjectCommand({ Bucket, Key, Body, ContentLength: size, ChecksumSHA256 });
            return await client.send(object, { abortSignal, requestTimeout: millis });
          } catch (error) {
            if (tries === TRIES || abortSignal.aborted || !mayPass(error)) throw error;
          } finally {
            Body.destroy();
          }
          await sleep(100 * 2 ** tries * Math.random());
        }
      },
      { millis },
    );
  }

  async function look(): Promise<void> {
    await findBucket();
    if (trouble !== null) log.info({ bucket: Bucket, endpoint }, 'files are back');
    trouble = null;
  }

  const arriving = await openArriving(options, { send, keep: send });
  const looks = every(LOOK_MS, look, () => undefined);
  look().catch(() => undefined);
  looks.start();

  return {
    ...arriving,
    read(sha256, range) {
      const Key = placeOf(sha256);
      const Range = range && `bytes=${range.start}-${range.end}`;
      return farBytes({
        async open(outer) {
          const found = await call(
            'with a body',
            (abortSignal) => client.send(new s3.GetObjectCommand({ Bucket, Key, ...(Range ? { Range } : {}) }), { abortSignal }),
            { outer },
          );
          if (found === null) throw Object.assign(new Error(`no object ${Key}`), { code: 'ENOENT' });
          return found.Body as Readable;
        },
        silenceMs: SILENCE_MS,
        broken: away,
      });
    },
    async stat(sha256) {
      const found = await head(placeOf(sha256));
      if (found === null) await findBucket();
      return found && { size: found.ContentLength ?? 0 };
    },
    async remove(sha256) {
      const Key = placeOf(sha256);
      await call('with a body', (abortSignal) => client.send(new s3.DeleteObjectCommand({ Bucket, Key }), { abortSignal }));
    },
    trouble: async () => trouble ?? (await arriving.trouble()),
    async close() {
      ending.abort();
      await looks.stop();
      client.destroy();
    },
  };
}
