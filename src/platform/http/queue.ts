import { ProblemError } from '../problem.ts';

export interface QueueOptions {
  /** Requests that work at once. Fewer than the database has connections: the rest is for reads and consumers. */
  concurrency: number;
  /** Requests that may wait, and the bytes of their bodies. */
  maxWaiting?: number;
  maxBytes?: number;
  /** Longest wait (milliseconds); then 503. */
  maxWaitMs?: number;
  now?: () => number;
}

/** A place in the queue; `leave` is called once, when the answer is sent or the client is gone. */
export interface Place {
  leave(): void;
}

export type Go = (place: Place, error?: ProblemError) => void;

export interface Queue {
  /** Calls `go` at once (before it returns) or when its turn comes; with an error when it does not. */
  enter(bytes: number, go: Go): Place;
  readonly waiting: number;
  stop(): void;
}

interface Waiter extends Place {
  state: 'waiting' | 'working' | 'left';
  bytes: number;
  since: number;
  go: Go;
}

/**
 * First come, first served. A burst of ten thousand creations waits here, where a place costs some bytes, and not in the pool of the database, where
 * everybody else would wait behind it and the last would be told after two seconds that the database is away.
 */
export function createQueue(options: QueueOptions): Queue {
  const { concurrency, maxWaiting = 20_000, maxBytes = 64 * 1024 * 1024, maxWaitMs = 25_000, now = () => performance.now() } = options;
  let line: Waiter[] = [];
  let head = 0;
  let working = 0;
  let waiting = 0;
  let bytes = 0;
  const busy = () => new ProblemError('overloaded', { retryAfter: 2 });

  function shift(): Waiter {
    const waiter = line[head++] as Waiter;
    if (head > 1024 && head * 2 > line.length) {
      line = line.slice(head);
      head = 0;
    }
    return waiter;
  }

  function next(): Waiter | undefined {
    while (head < line.length) {
      const waiter = shift();
      if (waiter.state === 'waiting') return waiter;
    }
    return undefined;
  }

  function unwait(waiter: Waiter): void {
    waiting -= 1;
    bytes -= waiter.bytes;
  }

  function refuseOld(): void {
    const limit = now() - maxWaitMs;
    while (head < line.length && (line[head] as Waiter).since < limit) {
      const waiter = shift();
      if (waiter.state !== 'waiting') continue;
      unwait(waiter);
      waiter.state = 'left';
      waiter.go(waiter, busy());
    }
  }
  const timer = setInterval(refuseOld, 500).unref();

  function leave(waiter: Waiter): void {
    const was = waiter.state;
    waiter.state = 'left';
    if (was === 'waiting') unwait(waiter);
    if (was !== 'working') return;
    const following = next();
    if (following === undefined) {
      working -= 1;
      return;
    }
    unwait(following);
    following.state = 'working';
    following.go(following);
  }

  return {
    enter(size, go) {
      const waiter: Waiter = { state: 'waiting', bytes: size, since: 0, go, leave: () => leave(waiter) };
      if (working < concurrency) {
        working += 1;
        waiter.state = 'working';
        go(waiter);
      } else if (waiting >= maxWaiting || (size > 0 && bytes > 0 && bytes + size > maxBytes)) {
        waiter.state = 'left';
        go(waiter, busy());
      } else {
        waiter.since = now();
        waiting += 1;
        bytes += size;
        line.push(waiter);
      }
      return waiter;
    },
    get waiting() {
      return waiting;
    },
    stop() {
      clearInterval(timer);
    },
  };
}
