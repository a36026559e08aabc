import { sql } from 'kysely';
import type { Transaction } from '../platform/db/door.ts';
import type { MasterdataTables } from './tables.ts';

/** Whether a live row stands on these bytes: a template, or a file of an inspection. Asked under the blob's lock. */
export async function isUsed(tx: Transaction<MasterdataTables>, sha256: string): Promise<boolean> {
  const { rows } = await sql<{ used: boolean }>`
    select exists (select 1 from masterdata.product_revision where template_sha256 = ${sha256})
        or exists (select 1 from intake.artifact_file where sha256 = ${sha256} and expired_at is null) as used`.execute(tx);
  return rows[0]?.used ?? true;
}
