import { RuntimeAway } from './runtime.ts';

export interface LanesOptions {
  /** Runs in flight at once. */
  inFlight: number;
  /** Runs that may wait; then the last of those below the next one is refused, or that one itself. */
  waiting: number;
}
export interface Wish {
  /** 1..10, 5 when nobody says; among those that wait the higher goes first, of equals the earlier. */
  priority?: number | undefined;
  signal?: AbortSignal | undefined;
}
export interface Lanes {
  /** Resolves with the way out when it is this run's turn. @throws RuntimeAway no room, sent away for a higher one, given up, closed */
  enter(wish?: Wish): Promise<() => void>;
  readonly inFlight: number;
  readonly waiting: number;
  /** Sends away all that wait, with these words. */
  clear(words: string): void;
}

interface Waiting {
  priority: number;
  go(): void;
  refuse(words: string): void;
}

/** A bulkhead: no more at once than the server was promised, a bounded queue before it, highest priority first, each until it is given up. */
export function openLanes({ inFlight, waiting }: LanesOptions): Lanes {
  const queue: Waiting[] = [];
  let taken = 0;

  function next(): void {
    while (taken < inFlight) {
      const first = queue.shift();
      if (!first) return;
      taken += 1;
      first.go();
    }
  }
  function exit(): () => void {
    let left = false;
    return () => {
      if (left) return;
      left = true;
      taken -= 1;
      next();
    };
  }

  return {
    get inFlight() {
      return taken;
    },
    get waiting() {
      return queue.length;
    },
    enter: ({ priority = 5, signal } = {}) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(new RuntimeAway('given up before it began'));
        if (taken < inFlight) {
          taken += 1;
          return resolve(exit());
        }
        if (queue.length >= waiting) {
          const last = queue.at(-1);
          if (last === undefined || last.priority >= priority) return reject(new RuntimeAway(`${waiting} runs are waiting already`));
          queue.pop();
          last.refuse(`${waiting} runs are waiting already, and one of higher priority came`);
        }
        const done = () => signal?.removeEventListener('abort', abort);
        const entry: Waiting = {
          priority,
          go: () => {
            done();
            resolve(exit());
          },
          refuse: (words) => {
            done();
            reject(new RuntimeAway(words));
          },
        };
        const abort = () => {
          queue.splice(queue.indexOf(entry), 1);
          entry.refuse('given up while it waited');
        };
        signal?.addEventListener('abort', abort, { once: true });
        const before = queue.findIndex((other) => other.priority < priority);
        queue.splice(before < 0 ? queue.length : before, 0, entry);
      }),
    clear(words) {
      for (const entry of queue.splice(0)) entry.refuse(words);
    },
  };
}
