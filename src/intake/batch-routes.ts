import { createHash } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import { BATCH_LIMIT, BatchAnswer, type BatchResult, InspectionCreate } from '../contracts/inspections.ts';
import { ref } from '../contracts/primitives.ts';
import { Replayed } from '../platform/db/door.ts';
import type { App } from '../platform/http/app.ts';
import { ProblemError } from '../platform/problem.ts';
import { batchJudge, itemsOfArray, itemsOfLines } from './batch.ts';
import { locationOf } from './create-routes.ts';
import type { Plant } from './plant.ts';
import type { Recorder } from './record-inspection.ts';

const LINE_TYPES = ['application/x-ndjson', 'application/ndjson', 'application/jsonl'];
const NDJSON = 'application/x-ndjson; charset=utf-8';

export interface BatchDeps {
  plant: Plant;
  recorder: Recorder;
  /** Bytes. */
  batchLimit: number;
}

function answer(reply: FastifyReply, results: readonly BatchResult[], lines: boolean): FastifyReply {
  if (!lines) return reply.send({ results });
  return reply.type(NDJSON).send(results.map((result) => `${JSON.stringify(result)}\n`).join(''));
}

/** `POST /v1/inspections/batch`: many at once, all good ones in one commit. The body is read as bytes: one bad line must not spoil the rest. */
export async function batchRoutes(app: App, { plant, recorder, batchLimit }: BatchDeps): Promise<void> {
  const judge = batchJudge();
  // The router would take "batch" for the id of an inspection.
  app.route({
    method: 'GET',
    url: '/v1/inspections/batch',
    config: { permission: 'none' },
    schema: { hide: true },
    handler: () => {
      throw new ProblemError('method_not_allowed', { headers: { allow: 'POST' } });
    },
  });
  await app.register((scope, _options, registered) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      ['application/json', ...LINE_TYPES],
      { parseAs: 'buffer', bodyLimit: batchLimit },
      (_request, body, done) => {
        done(null, body);
      },
    );
    scope.route({
      method: 'POST',
      url: '/v1/inspections/batch',
      config: { permission: 'inspections:write', class: 'create' },
      bodyLimit: batchLimit,
      // The schema documents; the handler validates item by item.
      validatorCompiler: () => () => true,
      schema: {
        tags: ['inspections'],
        summary: 'Post up to 1,000 inspections',
        description:
          'A JSON array, or one object a line (NDJSON; then the results come one a line too). Every item is judged by itself: a bad one, or a line that cannot be read (400), fails alone; the others are stored in one commit.',
        body: {
          content: {
            'application/json': { schema: { type: 'array', maxItems: BATCH_LIMIT, items: ref(InspectionCreate) } },
            'application/x-ndjson': { schema: ref(InspectionCreate) },
          },
        },
        response: { 200: { content: { 'application/json': { schema: ref(BatchAnswer) } } } },
      },
      async handler(request, reply) {
        const bytes = request.body as Buffer;
        const type = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
        const lines = LINE_TYPES.includes(type);
        if (!lines && bytes.length === 0) throw new ProblemError('malformed_json', { detail: 'The body is empty' });
        const items = lines ? itemsOfLines(bytes) : itemsOfArray(bytes);
        const { good, bad } = judge(items, request.caller, await plant.now());
        const resultsWith = (ids: readonly string[]): BatchResult[] =>
          [...good.map(({ index }, at) => ({ index, status: 201, id: ids[at] ?? '', location: locationOf(ids[at] ?? '') })), ...bad].sort(
            (one, other) => one.index - other.index,
          );
        if (good.length === 0) return answer(reply, resultsWith([]), lines);
        try {
          const made = await recorder.record({
            cause: request.cause(createHash('sha256').update(bytes).digest('hex')),
            accepted: good.map(({ accepted }) => accepted),
            caller: request.caller,
            answerOf: (all) => ({ status: 200, body: { results: resultsWith(all.map(({ value }) => value.id)) } }),
          });
          return answer(reply, resultsWith(made.map(({ value }) => value.id)), lines);
        } catch (error) {
          if (!(error instanceof Replayed) || !lines) throw error;
          reply.header('idempotency-replayed', 'true');
          return answer(reply, (error.answer.body as { results: BatchResult[] }).results, true);
        }
      },
    });
    registered();
  });
}
