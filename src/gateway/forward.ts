import { PassThrough, Transform } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { App } from '../platform/http/app.ts';
import { DISCARD_BYTES, discardBody } from '../platform/http/discard.ts';
import { ARRIVES_SLOWLY, addressesOf } from './addresses.ts';
import { hasBody, headersFor, takeHeaders } from './forward-headers.ts';
import type { ServiceLink } from './service-link.ts';

/** Times (milliseconds) until an answer begins, a little above those of the service, so that it is the one that tells; and its largest body (bytes). */
export interface ForwardBounds {
  answerMs: number;
  uploadMs: number;
  uploadBytes: number;
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
function bodyOf({ raw }: FastifyRequest, { uploadBytes }: ForwardBounds): Transform | null {
  if (!hasBody(raw)) return null;
  const body = raw.pipe(Number(raw.headers['content-length'] ?? Infinity) > uploadBytes ? pausing() : new PassThrough());
  body.on('error', () => {});
  body.once('close', () => {
    if (!raw.complete && !raw.destroyed) raw.resume();
  });
  return body;
}

async function forward(
  link: ServiceLink,
  slow: boolean,
  bounds: ForwardBounds,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const { raw } = request;
  const leaving = new AbortController();
  reply.raw.once('close', () => leaving.abort());
  const body = bodyOf(request, bounds);
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
      timeoutMs: slow ? bounds.uploadMs : bounds.answerMs,
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
    app.route({
      method,
      url,
      config: { permission: 'none', forwarded: true, ...(url.startsWith('/v2') ? { errors: 'message' } : {}) },
      schema: { hide: true },
      // A hook that has begun an answer calls nobody any more.
      onRequest: (request, reply, done) => void forward(link, slow, bounds, request, reply).catch(done),
      handler: (_request, reply) => reply,
    });
  }
}
