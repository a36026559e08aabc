import type { Socket } from 'node:net';
import type { FastifyContextConfig, FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { Replayed } from '../db/change.ts';
import { asProblem } from '../db/faults.ts';
import { uuidv7 } from '../id.ts';
import { ProblemError } from '../problem.ts';
import type { Log } from '../telemetry/log.ts';
import type { App } from './app.ts';
import { pathOf } from './arrive.ts';
import type { BodyWatch } from './body-watch.ts';
import { etag } from './conditional.ts';
import { discardBody, lingeringClose } from './discard.ts';
import { errorText, PROBLEM_TYPE, problemBody, problemOf } from './problem-body.ts';
import { type RouteTable, template } from './routes.ts';
import { detailsOf, type Part } from './validation.ts';

const BODY_FAULTS: ReadonlySet<string> = new Set([
  'payload_too_large',
  'unsupported_media_type',
  'malformed_json',
  'json_too_deep',
  'malformed_request',
]);

/** Said while the body still comes: what is left of it is read, or its sender would meet a reset in place of the answer. */
const saidToASender = ({ status, code }: ProblemError): boolean =>
  status === 413 || status === 415 || code === 'storage_full' || code === 'storage_unavailable';

type Thrown = Partial<FastifyError> & { validationContext?: Part };

function instanceOf(request: FastifyRequest, error: ProblemError): string {
  const url = request.is404 ? undefined : request.routeOptions.url;
  return error.code === 'not_found' && url !== undefined && url !== '*' ? template(url) : pathOf(request.url);
}

/** A thrown thing as a ProblemError, or `undefined` when nobody foresaw it. */
function judge(thrown: Thrown, request: FastifyRequest): ProblemError | undefined {
  if (thrown instanceof ProblemError) return thrown;
  if (Array.isArray(thrown.validation)) {
    const part = thrown.validationContext ?? 'body';
    if (part === 'params') return new ProblemError('not_found');
    const root = part === 'body' ? request.body : part === 'querystring' ? request.query : request.headers;
    return new ProblemError('validation_error', { details: detailsOf(thrown.validation as Parameters<typeof detailsOf>[0], part, root) });
  }
  const mapped = asProblem(thrown);
  return mapped instanceof ProblemError ? mapped : problemOf(thrown);
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: ProblemError): FastifyReply {
  for (const [name, value] of Object.entries(problem.headers)) reply.header(name, value);
  if (problem.retryAfter !== undefined) reply.header('retry-after', String(Math.max(1, Math.ceil(problem.retryAfter))));
  reply.removeHeader('content-disposition').removeHeader('location');
  const form = request.routeOptions.config?.errors;
  const { status, type, text } = errorText(problem, { form, instance: instanceOf(request, problem), requestId: request.id });
  return reply.code(status).header('content-type', type).send(text);
}

/** The one place where errors become answers: 404 and 405, the problem body, replays, the log lines of ADR-001. */
export function addErrors(app: App, options: { log: Log; table: RouteTable; bodies: BodyWatch }): void {
  const { log, table, bodies } = options;

  async function answer(thrown: Thrown, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    if (thrown instanceof Replayed) {
      const { status, location, body } = thrown.answer;
      if (location !== undefined) reply.header('location', location);
      const version = versionOf(request.routeOptions.config.etag, body);
      if (typeof version === 'number') etag(reply, version);
      // Through the serializer of the route, as the first time: the stored text has the order of keys that the command had.
      return reply.code(status).header('idempotency-replayed', 'true').type('application/json; charset=utf-8').send(body);
    }
    const problem = judge(thrown, request) ?? new ProblemError('internal_server_error', { cause: thrown });
    if (problem.status >= 500) logFault(problem, request);
    else if (problem.code === 'validation_error')
      log.warn(
        { path: pathOf(request.url), method: request.method, errors: problem.details, client_ip: request.ip, request_id: request.id },
        'validation_error',
      );
    else if (problem.status === 403)
      log.warn(
        {
          path: pathOf(request.url),
          method: request.method,
          code: problem.code,
          reason: reasonOf(problem),
          client_ip: request.ip,
          request_id: request.id,
        },
        'access_refused',
      );
    if (!request.raw.complete && saidToASender(problem)) {
      const { ended, bytes } = await discardBody(request.raw);
      if (!ended) lingeringClose(request.raw, reply.raw);
      if (!request.is404 && bytes > (request.routeOptions.bodyLimit ?? bytes))
        return sendProblem(request, reply, new ProblemError('payload_too_large'));
    }
    // An address that is not there, or not with this method, is said before anything of the body is.
    return sendProblem(request, reply, request.is404 && BODY_FAULTS.has(problem.code) ? addressProblem(request, table) : problem);
  }

  function logFault(problem: ProblemError, request: FastifyRequest): void {
    const cause = problem.cause instanceof Error ? problem.cause : problem;
    const facts = {
      path: pathOf(request.url),
      method: request.method,
      request_id: request.id,
      error: cause.message,
      client_ip: request.ip,
    };
    if (problem.status === 500) log.error({ ...facts, traceback: cause.stack }, problem.code);
    else log.warn(facts, problem.code);
  }

  app.setErrorHandler((error: Thrown, request, reply) => {
    bodies.forget(request);
    return answer(error, request, reply);
  });
  const unknownPage: App['unknownPage'] = { show: null };
  app.decorate('unknownPage', unknownPage);
  app.setNotFoundHandler((request, reply) => {
    const problem = addressProblem(request, table);
    if (unknownPage.show && problem.status === 404 && typedByAPerson(request))
      return unknownPage.show(reply.code(404).header('vary', 'accept'));
    return sendProblem(request, reply, problem);
  });
}

/** A browser asks for a page, and not for something of the API. */
function typedByAPerson(request: FastifyRequest): boolean {
  if (request.method !== 'GET' && request.method !== 'HEAD') return false;
  return (request.headers.accept ?? '').includes('text/html') && !/^\/(?:v\d+|api)(?:\/|$)/.test(pathOf(request.url));
}

/** 404, or 405 with what the path takes: of a request that no route is for. */
function addressProblem(request: FastifyRequest, table: RouteTable): ProblemError {
  const allowed = table.allowed(pathOf(request.url));
  return allowed.length === 0 || allowed.includes(request.method)
    ? new ProblemError('not_found')
    : new ProblemError('method_not_allowed', { headers: { allow: allowed.join(', ') } });
}

/** A body that dribbles: 408, and the connection is closed. */
export function bodyTimedOut(request: FastifyRequest, reply: FastifyReply): void {
  if (!reply.sent) sendProblem(request, reply.header('connection', 'close'), new ProblemError('request_timeout'));
}

/** The version that a stored answer tells of, by what its route says of its tags. */
function versionOf(tag: FastifyContextConfig['etag'], body: unknown): unknown {
  if (tag === undefined || typeof body !== 'object' || body === null) return undefined;
  return tag === true ? (body as { version?: unknown }).version : tag(body as never);
}

function reasonOf(problem: ProblemError): string {
  return problem.cause instanceof Error ? problem.cause.message : problem.message;
}

const CLIENT_CODES: Readonly<Record<string, 'header_too_large' | 'request_timeout'>> = {
  HPE_HEADER_OVERFLOW: 'header_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

/** What never became a request: a header block that is too large, bytes that are no HTTP, headers that do not come. The connection is closed. */
export function clientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return void socket.destroy();
  if (!socket.writable) return void socket.destroy();
  // An answer that has begun cannot be taken back: the head of another one would be read as a part of it. By the field that Node's own handler asks.
  if ((socket as { _httpMessage?: { headersSent: boolean } | null })._httpMessage?.headersSent) return void socket.destroy();
  // Nothing was ever asked on it: words that nobody asked for would be taken for the answer to the first request.
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && socket.bytesRead === 0) return void socket.destroy();
  const id = uuidv7();
  const problem = new ProblemError(CLIENT_CODES[error.code ?? ''] ?? 'malformed_request');
  const body = JSON.stringify(problemBody(problem, '/', id));
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.status === 431 ? 'Request Header Fields Too Large' : problem.status === 408 ? 'Request Timeout' : 'Bad Request'}\r\n` +
      `Content-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nX-Request-ID: ${id}\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n${body}`,
  );
}
