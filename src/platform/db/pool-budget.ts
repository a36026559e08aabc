/** Connections of one pool. */
export interface PoolSize {
  /** That stay open. */
  poolSize: number;
  /** That are opened beyond these under load. */
  overflow: number;
}

/** A worker with fewer would wait for itself: a transaction, its look-up, the reader of the outbox and a lease each take one. */
export const LEAST_CONNECTIONS = 4;

/**
 * What each of several worker processes may open, so that all together stay within one budget (DB_POOL_SIZE + DB_MAX_OVERFLOW). Each gets the same
 * share, rounded down; of it the same part stays open as of the whole. A worker gets `LEAST_CONNECTIONS` at least, so more than a quarter as many
 * workers as connections go over the budget: `over` then says by how many, for a warning at start.
 * @throws RangeError when there is no worker
 */
export function poolBudget(total: PoolSize, workers: number): PoolSize & { over: number } {
  if (!Number.isInteger(workers) || workers < 1) throw new RangeError(`workers is ${workers}: a whole number from 1 is wanted`);
  const all = total.poolSize + total.overflow;
  const each = Math.max(LEAST_CONNECTIONS, Math.floor(all / workers));
  const poolSize = Math.max(1, Math.min(each, Math.floor((each * total.poolSize) / all)));
  return { poolSize, overflow: each - poolSize, over: Math.max(0, each * workers - all) };
}
