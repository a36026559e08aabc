import { sql } from 'kysely';
import type { InspectionFacts } from '../contracts/events.ts';
import type { MeasurementLimit } from '../contracts/masterdata.ts';
import type { Reads } from '../platform/db/database.ts';
import type { AnyDraft, AuditDraft, Transaction } from '../platform/db/door.ts';
import type { Policy } from './rules.ts';
import type { DispositionTables, InspectionRow } from './tables.ts';

export type Tx = Transaction<DispositionTables>;

/** Holds `If-Match` to the version that is there now. @throws ProblemError precondition_failed */
export type JudgeVersion = (current: number) => void;

/** What a step writes beside its rows; `moved` are inspections that entered a new state, for the counters. */
export interface Written {
  events: AnyDraft[];
  audit: AuditDraft[];
  moved: InspectionFacts[];
}
export const nothingWritten = (): Written => ({ events: [], audit: [], moved: [] });
export function join(...parts: readonly Written[]): Written {
  return {
    events: parts.flatMap((part) => part.events),
    audit: parts.flatMap((part) => part.audit),
    moved: parts.flatMap((part) => part.moved),
  };
}

/**
 * Verdicts of one lot are given one after the other: its tally and its state are looked at and written by each. Taken before any row lock; an
 * advisory lock, because the lot's row is not there before its first hold and a wait for it must not hold a transaction id.
 */
export async function lockLot(tx: Tx, site: string, lotId: string): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`lot:${site}/${lotId}`}, 0))`.execute(tx);
}

/** Lot first, then the inspection. Null when there is none. */
export async function lockInspection(tx: Tx, id: string): Promise<InspectionRow | null> {
  const place = await tx.selectFrom('intake.inspection_now').select(['site', 'lot_id']).where('id', '=', id).executeTakeFirst();
  if (!place) return null;
  await lockLot(tx, place.site, place.lot_id);
  const { rows } = await sql<InspectionRow>`SELECT * FROM intake.lock_inspection(${id}::uuid)`.execute(tx);
  return rows[0] ?? null;
}

/** The only way in which this slice changes an inspection. @throws Error when the state machine does not allow the step */
export async function move(
  tx: Tx,
  id: string,
  to: { status: 'completed' | 'awaiting_review'; verdict: string | null; reason: string },
): Promise<InspectionRow> {
  const { rows } =
    await sql<InspectionRow>`SELECT * FROM intake.move_inspection(${id}::uuid, ${to.status}, ${to.verdict}, ${to.reason})`.execute(tx);
  const [row] = rows;
  if (!row) throw new Error(`inspection ${id} cannot go to ${to.status}`);
  return row;
}

/** The policy and limits that judge a lot: those of its product revision, or the newest `standard` and none while it has no product. */
export async function termsOf(
  on: Reads<DispositionTables> | Tx,
  { site, lot_id }: { site: string; lot_id: string },
): Promise<{ policy: Policy; limits: MeasurementLimit[] }> {
  const lot = await on
    .selectFrom('masterdata.lot_revision')
    .selectAll()
    .where('site', '=', site)
    .where('lot_id', '=', lot_id)
    .executeTakeFirst();
  let query = on.selectFrom('disposition.policy').select(['name', 'version', 'rules']);
  query =
    lot?.policy_name && lot.policy_version
      ? query.where('name', '=', lot.policy_name).where('version', '=', lot.policy_version)
      : query.where('name', '=', 'standard').orderBy('version', 'desc').limit(1);
  return { policy: await query.executeTakeFirstOrThrow(), limits: lot?.limits ?? [] };
}
