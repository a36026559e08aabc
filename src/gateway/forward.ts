import { PassThrough, Transform } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { App } from '../platform/http/app.ts';
import { DISCARD_BYTES, discardBody } from '../platform/http/discard.ts';
import { ARRIVES_SLOWLY, addressesOf } from './addresses.ts';
import { hasBody, headersFor, takeHeaders } from './forward-headers.ts';
import type { ServiceLink } from './service-link.ts';

/** Times (milliseconds) until an answer begins, a little above those of the service, so that it is the one that tells; and its largest bodies (bytes). */
export interface ForwardBounds {
  answerMs: number;
  uploadMs: number;
  uploadBytes: number;
  batchBytes: number;
  bodyBytes: number;
}

/**
 * A service that refuses a large body reads `DISCARD_BYTES` of it, answers and closes. What is written at that moment fails, and the answer would be
 * lost with the connection: a body that is too large, or may be, stops exactly there for so long (milliseconds).
 */
const REFUSAL_MS = 1000;

function pausing(): Transform {
  let sent = 0;
  return new Transform({
    transform(piece: Buffer, _encoding, done) {
      const left = DISCARD_BYTES - sent;
      sent += piece.length;
      if (left <= 0 || left > piece.length) return done(null, piece);
      this.push(piece.subarray(0, left));
      void pause(REFUSAL_MS, undefined, { ref: false }).then(() => done(null, piece.subarray(left)));
    },
  });
}

/** The body on its way. When the service takes no more of it, the rest is read and forgotten: else the next request of the client would never come. */
function bodyOf({ raw }: FastifyRequest, limit: number): Transform | null {
  if (!hasBody(raw)) return null;
  const body = raw.pipe(Number(raw.headers['content-length'] ?? Infinity) > limit ? pausing() : new PassThrough());
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
  /** The largest body that the service takes there, or more (bytes). */
  limit: number;
  /** Until an answer begins (milliseconds). */
  timeoutMs: number;
}

/** Those of `/v2` say themselves how much they take, which is less than an upload. */
function limitOf(url: string, slow: boolean, { uploadBytes, batchBytes, bodyBytes }: ForwardBounds): number {
  if (url === BATCH) return batchBytes;
  return slow || url.startsWith('/v2') ? uploadBytes : bodyBytes;
}

async function forward(link: ServiceLink, { slow, limit, timeoutMs }: Route, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { raw } = request;
  const leaving = new AbortController();
  reply.raw.once('close', () => leaving.abort());
  const body = bodyOf(request, limit);
  const path = raw.url ?? '/';
  try {
    const {
      statusCode,
      headers,
      body: answer,
    } = await link.send({
      method: request.method,
      path,
      headers: headersFor(request),
      body,
      lane: slow || path.includes('wait=') ? 'held' : 'quick',
      timeoutMs,
      signal: leaving.signal,
    });
    if (body !== null && statusCode >= 400 && !raw.complete) {
      raw.unpipe(body);
      const closes = statusCode === 413 || statusCode === 415;
      if (closes && !(await discardBody(raw)).ended) reply.header('connection', 'close');
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
    const route: Route = { slow, limit: limitOf(url, slow, bounds), timeoutMs: slow ? bounds.uploadMs : bounds.answerMs };
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
