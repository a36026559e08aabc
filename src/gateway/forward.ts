import { PassThrough } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { asksToWait } from '../platform/http/address.ts';
import type { App } from '../platform/http/app.ts';
import { discardBody, lingeringClose } from '../platform/http/discard.ts';
import { ARRIVES_SLOWLY, addressesOf, MAY_WAIT } from './addresses.ts';
import { hasBody, headersFor, takeHeaders } from './forward-headers.ts';
import type { ServiceLink } from './service-link.ts';

/** Times (milliseconds) until an answer begins, a little above those of the service, so that it is the one that tells. */
export interface ForwardBounds {
  answerMs: number;
  uploadMs: number;
}

/** The body on its way. When the service takes no more of it, the rest is read and forgotten: else the next request of the client would never come. */
function bodyOf({ raw }: FastifyRequest): PassThrough | null {
  if (!hasBody(raw)) return null;
  const body = raw.pipe(new PassThrough());
  body.on('error', () => {});
  body.once('close', () => {
    if (!raw.complete && !raw.destroyed) raw.resume();
  });
  return body;
}

/** The address of a record's pattern that is none: what the service says of it (POST alone) is said here too. */
const BATCH = '/v1/inspections/batch';

interface Route {
  /** Its body arrives as slowly as the client's line. */
  slow: boolean;
  mayWait: boolean;
  /** Until an answer begins (milliseconds). */
  timeoutMs: number;
}

async function forward(
  link: ServiceLink,
  { slow, mayWait, timeoutMs }: Route,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const { raw } = request;
  const leaving = new AbortController();
  reply.raw.once('close', () => leaving.abort());
  const body = bodyOf(request);
  try {
    const {
      statusCode,
      headers,
      body: answer,
    } = await link.send({
      method: request.method,
      path: raw.url ?? '/',
      headers: headersFor(request),
      body,
      lane: slow || (mayWait && asksToWait(request)) ? 'held' : 'quick',
      timeoutMs,
      signal: leaving.signal,
    });
    if (body !== null && statusCode >= 400 && !raw.complete) {
      raw.unpipe(body);
      const closes = statusCode === 413 || statusCode === 415;
      if (closes && !(await discardBody(raw)).ended) lingeringClose(raw, reply.raw);
    }
    takeHeaders(reply, headers);
    reply.code(statusCode).send(answer);
  } catch (error) {
    body?.destroy();
    if (!leaving.signal.aborted) throw error;
    reply.hijack();
  }
}

/**
 * The addresses of a service that runs elsewhere, each a route of its own: unknown ones stay 404, undeclared methods 405. Nothing of a body is read
 * here and no token is looked at: the service judges, as if the client had asked it.
 */
export function forwardRoutes(app: App, service: 'inspection' | 'inference', link: ServiceLink, bounds: ForwardBounds): void {
  for (const { method, url } of addressesOf(service)) {
    const slow = ARRIVES_SLOWLY.has(`${method} ${url}`);
    const route: Route = { slow, mayWait: MAY_WAIT.has(`${method} ${url}`), timeoutMs: slow ? bounds.uploadMs : bounds.answerMs };
    const only = url === BATCH ? { only: [method] } : {};
    app.route({
      method,
      url,
      config: { permission: 'none', forwarded: true, ...only, ...(url.startsWith('/v2') ? { errors: 'message' } : {}) },
      schema: { hide: true },
      // A hook that has begun an answer calls nobody any more.
      onRequest: (request, reply, done) => void forward(link, route, request, reply).catch(done),
      handler: (_request, reply) => reply,
    });
  }
}
