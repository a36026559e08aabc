import type { FastifyReply, FastifyRequest } from 'fastify';

/** Bodies that are on their way, each with its time. A timer a request costs more than the rest of its bookkeeping. */
export interface BodyWatch {
  watch(request: FastifyRequest, reply: FastifyReply): void;
  /** Its body is there, or somebody else has answered. */
  forget(request: FastifyRequest): void;
  start(): void;
  stop(): void;
}

/** Tells of each request whose body is not there in time; `limitMs` may be passed by a quarter, a second at most. */
export function watchBodies(limitMs: number, late: (request: FastifyRequest, reply: FastifyReply) => void): BodyWatch {
  const arriving = new Map<FastifyRequest, FastifyReply>();
  let timer: NodeJS.Timeout | undefined;

  function look(): void {
    const now = performance.now();
    for (const [request, reply] of arriving) {
      // In the order of their arrival, and all have the same time.
      if (request.bodyUntil > now) return;
      arriving.delete(request);
      request.bodyUntil = 0;
      if (!request.raw.complete && !request.raw.destroyed) late(request, reply);
    }
  }

  return {
    watch(request, reply) {
      request.bodyUntil = request.startedAt + limitMs;
      arriving.set(request, reply);
    },
    forget(request) {
      if (request.bodyUntil === 0) return;
      request.bodyUntil = 0;
      arriving.delete(request);
    },
    start() {
      timer ??= setInterval(look, Math.min(1000, limitMs / 4)).unref();
    },
    stop() {
      clearInterval(timer);
    },
  };
}
