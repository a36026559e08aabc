import type { preParsingHookHandler } from 'fastify';
import { ProblemError } from '../../platform/problem.ts';
import type { ProtocolLimits } from './board-contract.ts';

/**
 * Bounds what is inside at once, before a byte of the body is read: the runtime's queue is also that of the runs that judge, and bodies wait in memory. A
 * place is given back when the answer is sent or the client is gone.
 */
export function inferGate({ inside: most, bytesInside: mostBytes, body: largest }: ProtocolLimits): preParsingHookHandler {
  let inside = 0;
  let bytes = 0;
  return (request, reply, _payload, done) => {
    // `close` was told already: a place would never be given back. Nobody reads the answer.
    if (reply.raw.destroyed) return done(new ProblemError('too_many_requests', { detail: 'The client is gone' }));
    const announced = Number(request.headers['content-length']);
    // A body that comes in chunks may become the largest that is taken.
    const size = Number.isSafeInteger(announced) ? announced : largest;
    if (inside >= most || bytes + size > mostBytes)
      return done(new ProblemError('too_many_requests', { detail: 'Too many model runs are asked for at once', retryAfter: 1 }));
    inside += 1;
    bytes += size;
    reply.raw.once('close', () => {
      inside -= 1;
      bytes -= size;
    });
    done();
  };
}
