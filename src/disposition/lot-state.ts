import { sql } from 'kysely';
import { lotKey } from '../contracts/lot-id.ts';
import type { LotState } from '../contracts/masterdata.ts';
import { nothingWritten, type Tx, type Written } from './case.ts';
import { holdReason, type Tally } from './hold-rules.ts';
import type { Policy } from './rules.ts';
import type { LotRow } from './tables.ts';

export interface LotDecision {
  site: string;
  lot_id: string;
  state: 'held' | 'released';
  reason: string;
  /** Name of the person, or of the policy that held it. */
  by: string;
}

async function lotVersion(tx: Tx, site: string, lotId: string): Promise<number> {
  const row = await tx
    .selectFrom('masterdata.lot_revision')
    .select('lot_version')
    .where('site', '=', site)
    .where('lot_id', '=', lotId)
    .executeTakeFirst();
  return row?.lot_version ?? 1;
}

export async function lotRow(tx: Tx, site: string, lotId: string): Promise<LotRow | null> {
  const row = await tx.selectFrom('disposition.lot').selectAll().where('site', '=', site).where('lot_id', '=', lotId).executeTakeFirst();
  return row ?? null;
}

/** Holds or releases. The caller holds the lot's lock and knows that the step makes sense. */
export async function decideLot(tx: Tx, decision: LotDecision): Promise<Written & { row: LotRow }> {
  const { site, lot_id, state, reason, by } = decision;
  const before = await lotRow(tx, site, lot_id);
  const { rows } = await sql<LotRow>`
    INSERT INTO disposition.lot (site, lot_id, state, reason, decided_by) VALUES (${site}, ${lot_id}, ${state}, ${reason}, ${by})
    ON CONFLICT (site, lot_id) DO UPDATE
      SET state = excluded.state, reason = excluded.reason, decided_by = excluded.decided_by, decided_at = clock_timestamp(), version = disposition.lot.version + 1
    RETURNING *`.execute(tx);
  const row = rows[0] as LotRow;
  const id = lotKey(decision);
  return {
    row,
    moved: [],
    events: [
      {
        type: state === 'held' ? 'lot.held' : 'lot.released',
        site,
        key: id,
        aggregate: { type: 'lot', id, version: (await lotVersion(tx, site, lot_id)) + row.version },
        payload: { lot_id, reason, by },
      },
    ],
    audit: [
      {
        action: state === 'held' ? 'lot.held' : 'lot.released',
        site,
        object: { type: 'lot', id },
        old: { state: before?.state ?? 'open', reason: before?.reason ?? null },
        new: { state, reason, decided_by: by },
        reason,
      },
    ],
  };
}

/** Adds a verdict (or its revision) to the lot's tally and holds the lot when the policy says so. */
export async function countVerdict(
  tx: Tx,
  lot: { site: string; lot_id: string },
  change: { judged: 0 | 1; failed: -1 | 0 | 1; isFail: boolean },
  policy: Policy,
): Promise<Written> {
  const { site, lot_id } = lot;
  const { rows } = await sql<Tally>`
    INSERT INTO disposition.lot_tally (site, lot_id, judged, failed) VALUES (${site}, ${lot_id}, ${change.judged}, ${change.failed})
    ON CONFLICT (site, lot_id) DO UPDATE SET judged = lot_tally.judged + ${change.judged}, failed = lot_tally.failed + ${change.failed}
    RETURNING judged, failed`.execute(tx);
  const state: LotState = (await lotRow(tx, site, lot_id))?.state ?? 'open';
  const reason = holdReason(state, rows[0] as Tally, change.isFail, policy);
  if (reason === null) return nothingWritten();
  return await decideLot(tx, { site, lot_id, state: 'held', reason, by: `policy ${policy.name} ${policy.version}` });
}
