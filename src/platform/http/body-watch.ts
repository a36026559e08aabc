import type { FastifyRequest } from 'fastify';

/** Bodies that are on their way, each with its time. A timer a request costs more than the rest of its bookkeeping. */
export interface BodyWatch {
  /** Calls the request's `bodyTimedOut` when its body is not there in time. */
  watch(request: FastifyRequest): void;
  forget(request: FastifyRequest): void;
  start(): void;
  stop(): void;
}

/** `limitMs` may be passed by a quarter, a second at most. */
export function watchBodies(limitMs: number): BodyWatch {
  const arriving = new Set<FastifyRequest>();
  let timer: NodeJS.Timeout | undefined;

  function look(): void {
    const now = performance.now();
    for (const request of arriving) {
      // In the order of their arrival, and all have the same time.
      if (request.bodyUntil > now) return;
      arriving.delete(request);
      if (!request.raw.complete && !request.raw.destroyed) request.bodyTimedOut?.();
    }
  }

  return {
    watch(request) {
      request.bodyUntil = request.startedAt + limitMs;
      arriving.add(request);
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
