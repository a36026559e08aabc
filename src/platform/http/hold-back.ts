import { Socket } from 'node:net';
import type { FastifyRequest } from 'fastify';

/** Refusals a second that cost a tenth of a core: a refusal is some 40 us, most of it reading the request. */
const REFUSALS_A_SECOND = 2000;
const MOST_SECONDS = 10;

/** Seconds until a refused client may come back, so that all connections together come no faster than refusing them is cheap. */
export function retryAfterFor(connections: number): number {
  return Math.min(MOST_SECONDS, Math.max(1, Math.ceil(connections / REFUSALS_A_SECOND)));
}

/**
 * Reads nothing more from a refused connection until the time that it was told is over. A client that waits does not notice; one that does not wait
 * finds that asking sooner does not help, and costs nothing. Not behind a proxy, where one connection carries many clients.
 */
export function holdBack(request: FastifyRequest, seconds: number): void {
  const { socket, headers } = request.raw;
  if (!(socket instanceof Socket)) return;
  if (headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined || headers.via !== undefined) return;
  setImmediate(() => {
    if (socket.destroyed) return;
    socket.pause();
    setTimeout(() => socket.resume(), seconds * 1000).unref();
  });
}
