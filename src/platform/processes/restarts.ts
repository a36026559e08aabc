export interface RestartOptions {
  /** Wait before the first new start; doubled each time up to `mostMs`. */
  firstMs: number;
  mostMs: number;
  /** A process that has served this long had a good start: what it dies of later begins a new count. */
  goodMs: number;
  /** Starts in a row that may go wrong; one more is a loop that no start will end. */
  most: number;
}

export const RESTARTS: RestartOptions = { firstMs: 250, mostMs: 10_000, goodMs: 30_000, most: 6 };

/** What to do about one process that died: the wait before it is started again, or `null` when it dies as often as it is started. */
export interface Restarts {
  died(servedMs: number): number | null;
}

export function countRestarts(options: RestartOptions = RESTARTS): Restarts {
  let inARow = 0;
  return {
    died(servedMs) {
      inARow = servedMs >= options.goodMs ? 1 : inARow + 1;
      return inARow > options.most ? null : Math.min(options.mostMs, options.firstMs * 2 ** (inARow - 1));
    },
  };
}
