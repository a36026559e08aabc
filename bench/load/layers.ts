import { type IncomingMessage, STATUS_CODES } from 'node:http';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { Inspection, InspectionCreate } from '../../src/contracts/inspections.ts';
import { ref } from '../../src/contracts/primitives.ts';
import type { Authenticate } from '../../src/identity/verifier.ts';
import { readTokens, requireScope } from '../../src/platform/http/judge.ts';
import { createLimiter } from '../../src/platform/http/limits.ts';
import { contractSchemas } from '../../src/platform/http/schemas.ts';
import { hostFilter, SECURITY_HEADERS } from '../../src/platform/http/security.ts';
import { sanRequestId } from '../../src/platform/http/trace.ts';
import { buildValidator } from '../../src/platform/http/validation.ts';
import { uuidv7 } from '../../src/platform/id.ts';
import type { Log } from '../../src/platform/telemetry/log.ts';
import { createMetrics } from '../../src/platform/telemetry/metrics.ts';

/** Duties in the order in which a step adds them: a step has its own and all before it. */
export const LAYERS = ['route', 'shapes', 'token', 'headers', 'request_id', 'limits', 'log_line', 'metrics'] as const;
export type Layer = (typeof LAYERS)[number];

export interface LayerDeps {
  authenticate: Authenticate;
  log: Log;
  answer(body: never): object;
}

/** Each duty in the leanest form that Fastify allows, with the platform's own parts: what the duties cost before anything is put around them. */
export function layered(upTo: Layer, { authenticate, log, answer }: LayerDeps): FastifyInstance {
  const has = (layer: Layer) => LAYERS.indexOf(layer) <= LAYERS.indexOf(upTo);
  const app: FastifyInstance = fastify({
    genReqId: has('request_id') ? (request: IncomingMessage) => given(request.headers['x-request-id']) : () => '',
    schemaController: {
      compilersFactory: { buildValidator: (schemas: unknown) => buildValidator(schemas as Record<string, unknown>) as never },
    },
  });
  if (has('shapes')) for (const schema of contractSchemas()) app.addSchema(schema);
  const callers = new WeakMap<FastifyRequest, { name: string; subject: string }>();

  if (has('token')) {
    const tokens = readTokens();
    app.addHook('onRequest', async (request) => {
      const caller = await authenticate(tokens.bearer(request), request);
      requireScope(caller, 'inspections:write');
      callers.set(request, caller);
    });
  }
  if (has('headers'))
    app.addHook('onRequest', (_request, reply, done) => {
      reply.headers(SECURITY_HEADERS);
      done();
    });
  if (has('request_id'))
    app.addHook('onRequest', (request, reply, done) => {
      reply.header('x-request-id', request.id);
      done();
    });
  if (has('limits')) addLimits(app, callers);
  if (has('log_line')) addLine(app, log, callers);
  if (has('metrics')) addMetrics(app);

  app.post(
    '/v1/inspections',
    has('shapes') ? { schema: { body: ref(InspectionCreate), response: { 201: ref(Inspection) } } } : {},
    async (request, reply) => {
      const made = answer(request.body as never) as { id: string };
      return reply.code(201).header('location', `/v1/inspections/${made.id}`).send(made);
    },
  );
  return app;
}

const given = (id: unknown): string => (sanRequestId(id) ? id : uuidv7());

function addLimits(app: FastifyInstance, callers: WeakMap<FastifyRequest, { subject: string }>): void {
  const hostAllowed = hostFilter(['localhost', '127.0.0.1']);
  const limiter = createLimiter({ rate: 1_000_000, burst: 1_000_000 });
  const refuse = (reply: FastifyReply, status: number) => reply.code(status).send({ error: STATUS_CODES[status] });
  app.addHook('onRequest', (request, reply, done) => {
    if (!hostAllowed(request.host)) refuse(reply, 400);
    else if (limiter.take(callers.get(request)?.subject ?? '')) done();
    else refuse(reply, 429);
  });
}

function addLine(app: FastifyInstance, log: Log, callers: WeakMap<FastifyRequest, { name: string }>): void {
  app.addHook('onResponse', (request, reply, done) => {
    log.info(
      {
        method: request.method,
        route: request.routeOptions.url,
        status: reply.statusCode,
        duration_ms: Math.round(reply.elapsedTime * 100) / 100,
        request_id: request.id,
        client_ip: request.ip,
        caller: callers.get(request)?.name,
      },
      'request',
    );
    done();
  });
}

function addMetrics(app: FastifyInstance): void {
  const metrics = createMetrics();
  const meter = metrics.route('POST', '/v1/inspections');
  app.addHook('onRequest', (_request, _reply, done) => {
    meter.inProgress += 1;
    done();
  });
  app.addHook('onResponse', (_request, reply, done) => {
    meter.inProgress -= 1;
    meter.done(reply.statusCode, reply.elapsedTime / 1000);
    metrics.inspection('visual', 'pending', 'AOI-HH-1');
    done();
  });
}
