import { Readable } from 'node:stream';
import { BATCH_LIMIT, type BatchResult } from '../contracts/inspections.ts';
import { asProblem } from '../platform/db/faults.ts';
import { ProblemError } from '../platform/problem.ts';
import { refusal, tooMany } from './batch.ts';
import { cutLines, type Line } from './batch-lines.ts';

/** Lines of one commit: what it costs to begin and end one is lost in 250, and a commit holds back readers of the outbox for milliseconds only. */
const PIECE = 250;
const PIECE_BYTES = 1024 * 1024;
/** A piece that does not fill is recorded after this much silence (milliseconds). */
const LINGER_MS = 20;
/** Longest silence of a sender (milliseconds). */
const SILENCE_MS = 20_000;
/** Bytes of results that nobody reads, at which the batch is read no further. */
const UNREAD = 1024 * 1024;

export interface StreamRules {
  /** Bytes of the whole and of one line. */
  batchLimit: number;
  lineLimit: number;
  /** Milliseconds for all of it to arrive. */
  timeoutMs: number;
  /** Stores a piece and answers a result a line. Lines lie in `from`, `from + 1`, … */
  record(from: number, lines: readonly Line[]): Promise<BatchResult[]>;
}

const SILENT = Symbol('silent');

/** The next bytes, or `SILENT` after some milliseconds; the read goes on and is answered by a later call. */
function patientReader(source: Readable) {
  const chunks = source.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>;
  let reading: Promise<IteratorResult<Uint8Array>> | null = null;
  const next = async (millis: number): Promise<IteratorResult<Uint8Array> | typeof SILENT> => {
    reading ??= chunks.next();
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<typeof SILENT>((resolve) => {
      timer = setTimeout(() => resolve(SILENT), millis);
    });
    try {
      const told = await Promise.race([reading, silence]);
      if (told !== SILENT) reading = null;
      return told;
    } finally {
      clearTimeout(timer);
    }
  };
  // Takes the listeners off the source, so that what is left of it can flow. Not awaited: behind a read that never ends it would not end either.
  const leave = () => void chunks.return?.().catch(() => {});
  return { next, leave };
}

/**
 * Lines that arrive, in pieces: full ones, or what there is when the sender pauses. What is cut short by the sender is not given out.
 * @throws ProblemError request_timeout, payload_too_large, validation_error (too many), or the error of the source
 */
async function* piecesOf(source: Readable, rules: StreamRules): AsyncGenerator<Line[]> {
  const reader = patientReader(source);
  const cutter = cutLines(rules.lineLimit);
  const end = performance.now() + rules.timeoutMs;
  let piece: Line[] = [];
  let weight = 0;
  let bytes = 0;
  let lines = 0;
  const full = (): Line[] => {
    const given = piece;
    piece = [];
    weight = 0;
    return given;
  };
  try {
    for (let done = false; !done; ) {
      const left = end - performance.now();
      const told = await reader.next(Math.max(0, Math.min(left, piece.length > 0 ? LINGER_MS : SILENCE_MS)));
      if (told === SILENT) {
        if (piece.length === 0 || left <= 0) throw new ProblemError('request_timeout');
        yield full();
        continue;
      }
      done = told.done === true;
      bytes += told.value?.length ?? 0;
      for (const line of done ? cutter.end() : cutter.push(told.value as Uint8Array)) {
        if (++lines > BATCH_LIMIT) {
          if (piece.length > 0) yield full();
          throw tooMany();
        }
        piece.push(line);
        weight += typeof line === 'symbol' ? 0 : line.length;
        if (piece.length >= PIECE || weight >= PIECE_BYTES) yield full();
      }
      if (bytes > rules.batchLimit) {
        if (piece.length > 0) yield full();
        throw new ProblemError('payload_too_large');
      }
    }
    if (piece.length > 0) yield full();
  } finally {
    reader.leave();
  }
}

const textOf = (results: readonly BatchResult[]): string => results.map((result) => `${JSON.stringify(result)}\n`).join('');

/**
 * Records a batch while it arrives: two pieces are under way while the next is read, so that one is judged while the database writes the other; never
 * more, so that the sender is held back by what the database takes. The answer resolves with the first results; what goes wrong before them is a problem of the whole, what goes wrong later stands in the
 * results: that of each inspection of a piece that could not be stored, or a last one with the place where reading ended.
 */
export async function streamBatch(source: Readable, rules: StreamRules): Promise<Readable> {
  const begun = Promise.withResolvers<void>();
  let started = false;
  let drained: (() => void) | null = null;
  const out = new Readable({
    read() {
      drained?.();
    },
    destroy(error, done) {
      drained?.();
      done(error);
    },
  });
  const tell = (results: readonly BatchResult[]) => {
    started = true;
    out.push(textOf(results));
    begun.resolve();
  };
  let next = 0;

  /** Records a piece, and tells of it behind the one before. */
  async function record(from: number, lines: readonly Line[], before: Promise<void>): Promise<void> {
    let results: BatchResult[];
    try {
      results = await rules.record(from, lines);
    } catch (error) {
      const problem = asProblem(error);
      await before;
      if (!started || !(problem instanceof ProblemError)) throw error;
      results = lines.map((_line, at) => refusal(from + at, problem));
    }
    await before;
    tell(results);
  }

  async function pump(): Promise<void> {
    let underWay: Promise<void> = Promise.resolve();
    let before = underWay;
    try {
      for await (const lines of piecesOf(source, rules)) {
        // The first one alone: what goes wrong before it has its results is a problem of the whole.
        await (started ? before : underWay);
        if (out.destroyed) return;
        if (out.readableLength > UNREAD) await new Promise<void>((resolve) => (drained = resolve));
        before = underWay;
        underWay = record(next, lines, before);
        underWay.catch(() => {});
        next += lines.length;
      }
      await underWay;
    } catch (error) {
      await underWay;
      if (!started || !(error instanceof ProblemError)) throw error;
      tell([refusal(next, error)]);
    }
  }

  void pump().then(
    () => {
      out.push(null);
      begun.resolve();
    },
    (error: unknown) => {
      begun.reject(error);
      out.destroy(started ? (error as Error) : undefined);
    },
  );
  await begun.promise;
  return out;
}
