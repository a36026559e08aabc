import { createHash } from 'node:crypto';
import { CompiledQuery } from 'kysely';
import { prepared } from '../platform/db/database.ts';
import type { Transaction } from '../platform/db/door.ts';
import { type AttemptKey, nameOf } from './attempts.ts';
import type { IntakeTables } from './tables.ts';

/** One descent of `inspection_attempt` for each of up to 1,000 keys: Nested Loop -> Limit -> Index Only Scan Backward. */
const LAST = prepared(
  'intake_last_attempts',
  `select coalesce((select attempt from intake.inspection i
     where i.site = k.site and i.lot_id = k.lot_id and i.chip_id = k.chip_id and i.inspection_type = k.inspection_type
     order by attempt desc limit 1), 0) as attempt
   from rows from (json_to_recordset($1::json) as (site text, lot_id text, chip_id text, inspection_type text))
     with ordinality as k(site, lot_id, chip_id, inspection_type, n) order by k.n`,
);

/** The last attempt that is stored for each key; 0 for none. */
export async function lastAttempts(tx: Transaction<IntakeTables>, keys: readonly AttemptKey[]): Promise<number[]> {
  const asked = keys.map(({ site, lot_id, chip_id, inspection_type }) => ({ site, lot_id, chip_id, inspection_type }));
  const { rows } = await tx.executeQuery<{ attempt: number }>(CompiledQuery.raw(LAST, [JSON.stringify(asked)]));
  return rows.map((row) => row.attempt);
}

/** Holds these keys for this transaction, in one order. Only those who lost a race against another process come here. */
export async function holdAttempts(tx: Transaction<IntakeTables>, keys: readonly AttemptKey[]): Promise<void> {
  const hashes = [...new Set(keys.map(nameOf))].map((name) => createHash('sha256').update(`attempt:${name}`).digest().readBigInt64BE(0));
  hashes.sort((one, other) => (one < other ? -1 : 1));
  for (const hash of hashes) await tx.executeQuery(CompiledQuery.raw('select pg_advisory_xact_lock($1::bigint)', [hash.toString()]));
}
