import type { Database } from '../platform/db/database.ts';

/** Takes out what has expired, some at a time, so that no sweep holds its locks for long. Returns how many rows went. */
export async function sweepState(db: Database, batch = 5000): Promise<number> {
  const state = await db.pool.query(
    `delete from identity.provider_state where (model, id) in
       (select model, id from identity.provider_state where expires_at < now() order by expires_at limit $1 for update skip locked)`,
    [batch],
  );
  const tokens = await db.pool.query(`delete from identity.revoked_token where expires_at < now() - interval '2 minutes'`);
  return (state.rowCount ?? 0) + (tokens.rowCount ?? 0);
}
