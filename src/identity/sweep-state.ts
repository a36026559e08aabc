import type { Database } from '../platform/db/database.ts';

/**
 * Takes out all that has expired, some at a time, so that no statement holds its locks for long; or until the signal. Returns how many rows went.
 */
export async function sweepState(db: Database, { batch = 5000, signal }: { batch?: number; signal?: AbortSignal } = {}): Promise<number> {
  let swept = 0;
  for (let went = batch; went === batch && signal?.aborted !== true; swept += went) {
    const state = await db.pool.query(
      `delete from identity.provider_state where (model, id) in
         (select model, id from identity.provider_state where expires_at < now() order by expires_at limit $1 for update skip locked)`,
      [batch],
    );
    went = state.rowCount ?? 0;
  }
  const tokens = await db.pool.query(`delete from identity.revoked_token where expires_at < now() - interval '2 minutes'`);
  return swept + (tokens.rowCount ?? 0);
}
