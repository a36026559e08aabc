import { sql } from 'kysely';
import type { Transaction } from '../platform/db/door.ts';
import type { IntakeTables } from './tables.ts';

/** Whether a live row stands on these bytes: an artifact that is not expired, or a golden template. Asked under the blob's lock. */
export async function isUsed(tx: Transaction<IntakeTables>, sha256: string): Promise<boolean> {
  const { rows } = await sql<{ used: boolean }>`
    select exists (select 1 from intake.artifact where sha256 = ${sha256} and expired_at is null)
        or exists (select 1 from masterdata.template_bytes where sha256 = ${sha256}) as used`.execute(tx);
  return rows[0]?.used ?? true;
}
