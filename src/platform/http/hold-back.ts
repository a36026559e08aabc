import { Socket } from 'node:net';
import type { FastifyRequest } from 'fastify';

/** Refusals a second that leave nearly all of a core to creations: what a refusal costs is most of all reading the request. */
const REFUSALS_A_SECOND = 1000;
const MOST_SECONDS = 10;
/** Milliseconds after which everybody who was refused has been read again. */
export const LONGEST_HOLD_MS = 1.5 * MOST_SECONDS * 1000;

/**
 * Seconds until a refused client may come back, so that all connections together come no faster than refusing them is cheap. From half to one and a half
 * of that by chance: those that were refused at one moment do not come back at one.
 */
export function retryAfterFor(connections: number, chance = Math.random()): number {
  const seconds = Math.min(MOST_SECONDS, Math.ceil(connections / REFUSALS_A_SECOND));
  return Math.max(1, Math.round(seconds * (0.5 + chance)));
}

/**
 * Reads nothing more from a refused connection until the time that it was told is over. A client that waits does not notice; one that does not wait
 * finds that asking sooner does not help, and costs nothing. Not behind a proxy, where one connection carries many clients.
 *
 * It stops before the event loop goes on to the next connection, not at the end of its turn: a turn takes up to 48 times 1,024 events while there are
 * as many, and a client that asks again at once would be read and refused again and again in that one turn, for seconds, with nothing else done.
 */
export function holdBack(request: FastifyRequest, seconds: number): void {
  const { socket, headers } = request.raw;
  if (!(socket instanceof Socket)) return;
  if (headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined || headers.via !== undefined) return;
  const hold = () => {
    if (socket.destroyed) return;
    socket.pause();
    setTimeout(() => socket.resume(), seconds * 1000).unref();
  };
  // Node reads on when the end of a request was seen; what is stopped before that would go on.
  if (request.raw.readableEnded) hold();
  else request.raw.once('end', () => process.nextTick(hold));
}
