import { sql } from 'kysely';
import { holdBlob } from '../platform/blob/hold.ts';
import type { Reads } from '../platform/db/database.ts';
import { isUsed } from './blob-use.ts';
import type { IntakeDeps } from './deps.ts';
import { systemCause } from './sweep-inputs.ts';
import type { InspectionRow, IntakeTables } from './tables.ts';

/** Pictures looked at in one round. */
const PIECE = 200;
type Status = InspectionRow['status'];
/** Whose pictures may go: those of settled inspections first, those that wait for a person only when that is not enough; never what a model still needs. */
const ROUNDS: readonly (readonly Status[])[] = [
  ['completed', 'cancelled'],
  ['completed', 'cancelled', 'awaiting_review'],
];

/** The simulated line says so of itself in every record; a real station's evidence is never touched. */
const simulated = sql`i.station_metadata @> '{"simulated": true}'`;

/** Bytes of the simulated pictures that are kept: what several records share, or a golden template stands on, counts once or not at all. */
async function keptBytes(reads: Reads<IntakeTables>): Promise<number> {
  const { rows } = await sql<{ bytes: number }>`
    select coalesce(sum(size), 0)::bigint as bytes from (
      select distinct on (a.sha256) a.size from intake.artifact a join intake.inspection i on i.id = a.inspection_id
      where a.expired_at is null and a.kind in ('image', 'reference') and ${simulated}
        and not exists (select 1 from masterdata.template_bytes t where t.sha256 = a.sha256)) kept`.execute(reads);
  return Number(rows[0]?.bytes ?? 0);
}

/** The oldest pictures whose bytes would really go: everything that stands on them may lose them. */
async function oldest(reads: Reads<IntakeTables>, from: readonly Status[]): Promise<{ sha256: string; size: number }[]> {
  const { rows } = await sql<{ sha256: string; size: number }>`
    select a.sha256, a.size from intake.artifact a join intake.inspection i on i.id = a.inspection_id
    where a.expired_at is null and a.kind in ('image', 'reference') and i.status = any(${from}) and ${simulated}
      and not exists (select 1 from masterdata.template_bytes t where t.sha256 = a.sha256)
      and not exists (select 1 from intake.artifact o join intake.inspection i on i.id = o.inspection_id
                      where o.sha256 = a.sha256 and o.expired_at is null and not (i.status = any(${from}) and ${simulated}))
    order by a.id limit ${PIECE}`.execute(reads);
  return rows;
}

/** Every record of these bytes is marked first; the bytes go in the same transaction, under their lock, when nothing else stands on them. */
function expireOne({ door, blobs }: Pick<IntakeDeps, 'door' | 'blobs'>, sha256: string, from: readonly Status[]): Promise<number> {
  return door.change<IntakeTables, number>(systemCause(), async (tx) => {
    await holdBlob(tx, sha256);
    const { numAffectedRows } = await sql`
      update intake.artifact a set expired_at = now() from intake.inspection i
      where i.id = a.inspection_id and a.sha256 = ${sha256} and a.expired_at is null and i.status = any(${from}) and ${simulated}`.execute(
      tx,
    );
    if (!(await isUsed(tx, sha256))) await blobs.remove(sha256);
    return { result: Number(numAffectedRows ?? 0), events: [], audit: [] };
  });
}

/**
 * Keeps the pictures of the demo line under a quota: the oldest go first, their rows and audit entries stay, marked as expired. A golden template stays,
 * whoever posted the same bytes. Answers how many records lost their bytes.
 */
export async function expirePictures(
  { door, blobs, reads }: Pick<IntakeDeps, 'door' | 'blobs'> & { reads: Reads<IntakeTables> },
  quotaBytes: number,
): Promise<number> {
  let excess = (await keptBytes(reads)) - quotaBytes;
  let expired = 0;
  for (const from of ROUNDS) {
    while (excess > 0) {
      const rows = await oldest(reads, from);
      if (rows.length === 0) break;
      const sizes = new Map(rows.map(({ sha256, size }) => [sha256, Number(size)]));
      for (const [sha256, size] of sizes) {
        if (excess <= 0) break;
        expired += await expireOne({ door, blobs }, sha256, from);
        excess -= size;
      }
    }
  }
  return expired;
}
