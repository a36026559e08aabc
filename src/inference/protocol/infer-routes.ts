import type { Counter, Histogram } from '@prometheus-io/client';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { ProtocolAnswer, ProtocolRequest } from '../../contracts/open-inference.ts';
import { ref } from '../../contracts/primitives.ts';
import type { App } from '../../platform/http/app.ts';
import { ProblemError } from '../../platform/problem.ts';
import { RunFailed, RuntimeAway } from '../runtime/runtime.ts';
import { HEADER_LENGTH } from './binary-tensors.ts';
import type { ProtocolLimits } from './board-contract.ts';
import { inferGate } from './gate.ts';
import type { ModelsHere } from './models-here.ts';
import { type Call, readCall } from './read-call.ts';
import { runBoards } from './run-boards.ts';
import type { Outcome, Statistics } from './statistics.ts';
import { judgeJsonSize, type WrittenAnswer, writeAnswer } from './write-answer.ts';

export interface InferRoutesDeps {
  here: ModelsHere;
  statistics: Statistics;
  /** false: another process behind this port runs the models. */
  runsHere: boolean;
  /** Longest time of a request that names none, in milliseconds. */
  timeoutMs: number;
  limits: ProtocolLimits;
  seconds: Histogram<'model_name' | 'batch_size'>;
  requests: Counter<'model_name' | 'outcome'>;
}

const words = (limits: ProtocolLimits) =>
  `The board pair goes as \`pair\`, UINT8 [N, 2, H, W] of 0 and 1 (copper): channel 0 the template, channel 1 the inspected picture. N is at most ${limits.batch}, H and W are multiples of 8, H x W at most ${limits.pixels}; the body has at most ${limits.body} bytes, ${limits.json} of them JSON. Tensors are JSON or raw bytes (\`Inference-Header-Content-Length\`). A run judges nothing and is kept nowhere; runs that judge go first. 429 and 503 with \`Retry-After\`: busy, or no model is ready here; 504: not done within \`timeout\`. Classification and shared memory are not offered.`;

const BINARY = { type: 'string', format: 'binary' };
const answers = {
  200: {
    description: 'Outputs; those that were asked for as raw bytes follow the JSON',
    content: { 'application/json': { schema: ref(ProtocolAnswer) }, 'application/octet-stream': { schema: BINARY } },
  },
};

/** Below every run of an inspection, which has 1 to 10: what others ask for never goes before a verdict. */
const rankOf = (priority: number): number => (11 - priority) / 11;

/** POST /v2/models/{model}[/versions/{version}]/infer. Bodies come as bytes. */
export function inferRoutes(app: App, deps: InferRoutesDeps): void {
  const { here, statistics, runsHere, timeoutMs, limits, seconds, requests } = deps;
  const description = words(limits);

  /** Answers by the deadline, whether the run is done or not: a run that was begun cannot be broken off and is left to itself. */
  async function inTime<T>(reply: FastifyReply, limitMs: number, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const giveUp = new AbortController();
    const late = Promise.withResolvers<never>();
    const gone = () => giveUp.abort();
    reply.raw.once('close', gone);
    // It may have left before anybody listened.
    if (reply.raw.destroyed) gone();
    const timer = setTimeout(() => {
      late.reject(new ProblemError('deadline_exceeded'));
      giveUp.abort();
    }, limitMs);
    const running = run(giveUp.signal);
    running.catch(() => {});
    try {
      return await Promise.race([running, late.promise]);
    } finally {
      clearTimeout(timer);
      reply.raw.off('close', gone);
    }
  }

  function asProblem(error: unknown): unknown {
    if (error instanceof RuntimeAway)
      // Another connection may reach the process that runs the models.
      return new ProblemError('overloaded', { detail: error.message, retryAfter: 1, headers: runsHere ? {} : { connection: 'close' } });
    return error instanceof RunFailed ? new ProblemError('run_failed', { detail: error.message, cause: error }) : error;
  }

  async function perform(model: string, version: string | undefined, request: FastifyRequest, reply: FastifyReply): Promise<WrittenAnswer> {
    const began = performance.now();
    const known = await here.find(model, version);
    const call: Call = readCall(request.body as Uint8Array | undefined, request.headers[HEADER_LENGTH], limits);
    judgeJsonSize(call, known.classes);
    const runtime = here.runtime();
    const boards: { waitedMs: number; ranMs: number }[] = [];
    const inputMs = performance.now() - began;
    const tell = (outcome: Pick<Outcome, 'good' | 'outputMs'>) =>
      statistics.add(known, { ...outcome, inputMs, boards, totalMs: performance.now() - began });
    try {
      const ran = (waitedMs: number, ranMs: number) => {
        boards.push({ waitedMs, ranMs });
        seconds.observe({ model_name: known.model, batch_size: '1' }, ranMs / 1000);
      };
      const outputs = call.outputs.map(({ name }) => name);
      const limitMs = Math.min(call.timeoutMs ?? timeoutMs, timeoutMs);
      const tensors = await inTime(reply, limitMs, (signal) =>
        runBoards(runtime, { ...known, boards: call.boards, outputs, signal, priority: rankOf(call.priority), ran }),
      );
      const done = performance.now();
      const answer = writeAnswer(known, call, tensors);
      tell({ good: true, outputMs: performance.now() - done });
      return answer;
    } catch (error) {
      tell({ good: false, outputMs: 0 });
      throw asProblem(error);
    }
  }

  async function answer(model: string, version: string | undefined, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const labels = { model_name: here.all().some((known) => known.model === model) ? model : 'unknown' };
    try {
      const { body, headLength } = await perform(model, version, request, reply);
      requests.inc({ ...labels, outcome: 'answered' });
      reply.type(headLength === null ? 'application/json; charset=utf-8' : 'application/octet-stream');
      if (headLength !== null) reply.header(HEADER_LENGTH, String(headLength));
      return reply.send(body);
    } catch (error) {
      const status = error instanceof ProblemError ? error.status : 500;
      requests.inc({ ...labels, outcome: status === 504 ? 'late' : status === 503 ? 'away' : status >= 500 ? 'failed' : 'refused' });
      throw error;
    }
  }

  const common = {
    config: {
      permission: 'inference:execute',
      errors: 'message',
      consumes: { 'application/json': ref(ProtocolRequest), 'application/octet-stream': BINARY },
    },
    bodyLimit: limits.body,
    preParsing: inferGate(limits),
  } as const;
  const Model = Type.Object({ model: Type.String() });
  app.post(
    '/v2/models/:model/infer',
    { ...common, schema: { summary: 'Run the version in production', description, params: Model, response: answers } },
    (request, reply) => answer(request.params.model, undefined, request, reply) as never,
  );
  app.post(
    '/v2/models/:model/versions/:version/infer',
    {
      ...common,
      schema: {
        summary: 'Run a version',
        description,
        params: Type.Object({ ...Model.properties, version: Type.String() }),
        response: answers,
      },
    },
    (request, reply) => answer(request.params.model, request.params.version, request, reply) as never,
  );
}
