import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { BATCH_LIMIT, BatchAnswer, BatchResult, InspectionCreate } from '../contracts/inspections.ts';
import { ref } from '../contracts/primitives.ts';
import type { Reads } from '../platform/db/database.ts';
import { Replayed } from '../platform/db/door.ts';
import type { App } from '../platform/http/app.ts';
import { discardBody } from '../platform/http/discard.ts';
import { ProblemError } from '../platform/problem.ts';
import { turnstile } from '../platform/turnstile.ts';
import { batchJudge, type Judged, tooMany } from './batch.ts';
import { cutLines, type Line } from './batch-lines.ts';
import { recordBatch } from './batch-record.ts';
import { streamBatch } from './batch-stream.ts';
import type { Plant } from './plant.ts';
import type { Recorder } from './record-inspection.ts';
import type { IntakeTables } from './tables.ts';

const LINE_TYPES = ['application/x-ndjson', 'application/ndjson', 'application/jsonl'];
const NDJSON = 'application/x-ndjson; charset=utf-8';
/** Batches that are recorded while they arrive: each holds a line and three pieces. One more is told to come again. */
const STREAMS = 64;
/** Pieces of all these that are recorded at once: the other connections of the pool are for everybody else. */
const PIECES_AT_ONCE = 4;

export interface BatchDeps {
  plant: Plant;
  recorder: Recorder;
  reads: Reads<IntakeTables>;
  /** Bytes. */
  batchLimit: number;
  /** Milliseconds for a batch that is recorded while it arrives. */
  timeoutMs: number;
}

/** Lines that were judged as they came, and the hash of their bytes. */
interface Collected extends Judged {
  sha256: string;
}

const WORDS =
  'A JSON array, or one object a line (NDJSON; then the results come one a line too). Every item is judged by itself: a bad one, a line that cannot be read (400) or one over the size of a single body (413) fails alone. What comes with `Content-Length` or an `Idempotency-Key` is stored in one commit when all of it is there. Lines without both (`Transfer-Encoding: chunked`) are stored and answered in pieces while they arrive: what has a result stays, also when the rest does not come; what is over the limits of a batch ends it with a last result that says so.';

/** `POST /v1/inspections/batch`: many at once. The body is read as bytes: one bad line must not spoil the rest. */
export async function batchRoutes(app: App, deps: BatchDeps): Promise<void> {
  const { plant, recorder, reads, batchLimit, timeoutMs } = deps;
  const lineLimit = app.initialConfig.bodyLimit ?? batchLimit;
  const judge = batchJudge();
  const inTurn = turnstile(PIECES_AT_ONCE);
  let streams = 0;

  /** Everything is there before anything is stored. @throws ProblemError upload_incomplete, payload_too_large, validation_error */
  async function collect(request: FastifyRequest, source: Readable): Promise<Collected> {
    const facts = await plant.now();
    const judged: Judged = { good: [], bad: [] };
    const hash = request.headers['idempotency-key'] === undefined ? null : createHash('sha256');
    const cutter = cutLines(lineLimit);
    let bytes = 0;
    let index = 0;
    const take = (lines: Line[]) => {
      for (const line of lines) {
        if (index === BATCH_LIMIT) throw tooMany();
        judge.line(judged, index++, line, request.caller, facts);
      }
    };
    for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > batchLimit) throw new ProblemError('payload_too_large');
      hash?.update(chunk);
      take(cutter.push(chunk));
    }
    take(cutter.end());
    if (bytes < Number(request.headers['content-length'] ?? 0)) throw new ProblemError('upload_incomplete');
    return { ...judged, sha256: hash?.digest('hex') ?? '' };
  }

  async function whole(request: FastifyRequest, reply: FastifyReply, judged: Judged, sha256: string, lines: boolean) {
    try {
      const results = await recordBatch({ recorder, reads }, { cause: request.cause(sha256), caller: request.caller, judged });
      return answer(reply, results, lines);
    } catch (error) {
      if (!(error instanceof Replayed) || !lines) throw error;
      reply.header('idempotency-replayed', 'true');
      return answer(reply, (error.answer.body as { results: BatchResult[] }).results, true);
    }
  }

  async function asItArrives(request: FastifyRequest, reply: FastifyReply, source: Readable) {
    if (streams >= STREAMS) throw new ProblemError('overloaded', { retryAfter: 2 });
    // Its places in the queue and among the creations are given back: a slow sender must not hold them. Each piece waits for its own turn.
    request.place?.leave();
    request.leave?.();
    request.leave = null;
    streams += 1;
    reply.raw.once('close', () => {
      streams -= 1;
    });
    const { caller } = request;
    const record = (from: number, lines: readonly Line[]) =>
      inTurn(async () => {
        const judged: Judged = { good: [], bad: [] };
        const facts = await plant.now();
        for (const [at, line] of lines.entries()) judge.line(judged, from + at, line, caller, facts);
        return recordBatch({ recorder, reads }, { cause: request.cause(), caller, judged });
      });
    const out = await streamBatch(source, { batchLimit, lineLimit, timeoutMs, record });
    out.once('end', () => {
      if (!request.raw.complete) void discardBody(request.raw).then(({ ended }) => ended || request.raw.destroy());
    });
    return reply.type(NDJSON).send(out);
  }

  const comesInPieces = ({ headers }: FastifyRequest): boolean =>
    headers['content-length'] === undefined && headers['idempotency-key'] === undefined;

  const isLines = ({ headers }: FastifyRequest): boolean => LINE_TYPES.some((type) => headers['content-type']?.startsWith(type));

  function readLines(request: FastifyRequest, source: Readable, done: (error: Error | null, body?: unknown) => void): void {
    if (comesInPieces(request)) done(null, source);
    else
      collect(request, source).then(
        (collected) => done(null, collected),
        (error: Error) => done(error),
      );
  }

  // The router would take "batch" for the id of an inspection.
  app.route({
    method: 'GET',
    url: '/v1/inspections/batch',
    config: { permission: 'none', only: ['POST'] },
    schema: { hide: true },
    handler: () => {
      throw new ProblemError('method_not_allowed', { headers: { allow: 'POST' } });
    },
  });
  const bytesAsTheyAre = (scope: App, _options: object, registered: () => void): void => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('application/json', { parseAs: 'buffer', bodyLimit: batchLimit }, (_request, body, done) => {
      done(null, body);
    });
    scope.addContentTypeParser(LINE_TYPES, readLines);
    scope.route({
      method: 'POST',
      url: '/v1/inspections/batch',
      config: {
        permission: 'inspections:write',
        class: 'create',
        holds: (request) => (comesInPieces(request) && isLines(request) ? lineLimit : batchLimit),
      },
      bodyLimit: batchLimit,
      // The schema documents; the handler validates item by item.
      validatorCompiler: () => () => true,
      schema: {
        tags: ['inspections'],
        summary: 'Post up to 1,000 inspections',
        description: WORDS,
        body: {
          content: {
            'application/json': { schema: { type: 'array', maxItems: BATCH_LIMIT, items: ref(InspectionCreate) } },
            'application/x-ndjson': { schema: ref(InspectionCreate) },
          },
        },
        response: {
          200: { content: { 'application/json': { schema: ref(BatchAnswer) }, 'application/x-ndjson': { schema: ref(BatchResult) } } },
        },
      },
      async handler(request, reply) {
        const body = request.body as unknown as Buffer | Collected | Readable;
        if ('good' in body) return whole(request, reply, body, body.sha256, true);
        if (!Buffer.isBuffer(body)) return asItArrives(request, reply, body);
        if (body.length === 0) throw new ProblemError('malformed_json', { detail: 'The body is empty' });
        const judged: Judged = { good: [], bad: [] };
        const facts = await plant.now();
        judge.array(judged, body, request.caller, facts);
        return whole(request, reply, judged, createHash('sha256').update(body).digest('hex'), false);
      },
    });
    registered();
  };
  await app.register(bytesAsTheyAre);
}

function answer(reply: FastifyReply, results: readonly BatchResult[], lines: boolean): FastifyReply {
  if (!lines) return reply.send({ results });
  return reply.type(NDJSON).send(results.map((result) => `${JSON.stringify(result)}\n`).join(''));
}
