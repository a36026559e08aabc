import { sql } from 'kysely';
import type { Lot } from '../contracts/masterdata.ts';
import type { Caller } from '../contracts/permissions.ts';
import type { Reads } from '../platform/db/database.ts';
import type { Cause, Decided, Door } from '../platform/db/door.ts';
import { ProblemError } from '../platform/problem.ts';
import { type JudgeVersion, lockLot, type Tx } from './case.ts';
import { decideLot } from './lot-state.ts';
import type { DispositionTables, LotRow, RevisionOfLot } from './tables.ts';

const NO_COUNTS = { total: 0, pending: 0, in_progress: 0, awaiting_review: 0, pass: 0, fail: 0, inconclusive: 0, cancelled: 0 };

/** The record as the API shows it, counts from the rows. */
export async function readLot(on: Reads<DispositionTables> | Tx, site: string, lotId: string): Promise<Lot | null> {
  const place = <T extends { site: string; lot_id: string }>() => sql<T>`site = ${site} AND lot_id = ${lotId}`;
  const { rows } = await sql<RevisionOfLot>`SELECT * FROM masterdata.lot_revision WHERE ${place()}`.execute(on);
  const [lot] = rows;
  if (!lot) return null;
  const state = (await sql<LotRow>`SELECT * FROM disposition.lot WHERE ${place()}`.execute(on)).rows[0];
  const counted = (
    await sql<typeof NO_COUNTS>`
    SELECT total, pending, in_progress, awaiting_review, pass, fail, inconclusive, cancelled FROM intake.lot_count WHERE ${place()}`.execute(
      on,
    )
  ).rows[0];
  const counts = counted ?? NO_COUNTS;
  const judged = counts.pass + counts.fail;
  return {
    lot_id: lotId,
    site,
    state: state?.state ?? 'open',
    reason: state?.reason ?? null,
    decided_by: state?.decided_by ?? null,
    decided_at: state?.decided_at.toISOString() ?? null,
    product: lot.product,
    revision: lot.revision,
    counts,
    yield: judged === 0 ? null : counts.pass / judged,
    opened_at: lot.opened_at.toISOString(),
    version: lot.lot_version + (state?.version ?? 0),
  };
}

/** The site whose lot is meant. @throws ProblemError not_found, ambiguous_lot */
async function siteOfLot(tx: Tx, caller: Caller, lotId: string, site: string | undefined): Promise<string> {
  if (caller.site !== '*' && site !== undefined && site !== caller.site) throw new ProblemError('not_found');
  const wanted = site ?? (caller.site === '*' ? null : caller.site);
  let query = tx.selectFrom('masterdata.lot_revision').select('site').where('lot_id', '=', lotId);
  if (wanted !== null) query = query.where('site', '=', wanted);
  const found = await query.orderBy('site').limit(2).execute();
  if (found.length > 1) throw new ProblemError('ambiguous_lot');
  const [only] = found;
  if (!only) throw new ProblemError('not_found');
  return only.site;
}

/** What stands against a release, in words; null when nothing does. */
async function unsettled(tx: Tx, site: string, lotId: string): Promise<string | null> {
  const { rows } = await sql<{ waiting: number; again: number; unreviewed: number }>`
    SELECT (count(*) FILTER (WHERE i.status = 'awaiting_review'))::int AS waiting,
           (count(*) FILTER (WHERE i.status = 'in_progress' AND EXISTS (
             SELECT FROM disposition.defect d WHERE d.inspection_id = i.id AND d.state <> 'rejected')))::int AS again,
           (count(*) FILTER (WHERE i.verdict = 'fail' AND EXISTS (
             SELECT FROM disposition.defect d WHERE d.inspection_id = i.id AND d.state = 'proposed')))::int AS unreviewed
    FROM intake.inspection_now i
    WHERE i.site = ${site} AND i.lot_id = ${lotId} AND (i.status IN ('awaiting_review', 'in_progress') OR i.verdict = 'fail')`.execute(tx);
  const { waiting = 0, again = 0, unreviewed = 0 } = rows[0] ?? {};
  const parts = [
    ...(waiting > 0 ? [`${waiting} waiting for a person`] : []),
    ...(again > 0 ? [`${again} looked at again, with defects that nobody has rejected`] : []),
    ...(unreviewed > 0 ? [`${unreviewed} failed with defects that nobody has reviewed`] : []),
  ];
  return parts.length === 0 ? null : `The lot has inspections that are not settled: ${parts.join(', ')}`;
}

export interface LotRequest {
  lotId: string;
  site: string | undefined;
  state: 'held' | 'released';
  reason: string;
  judgeVersion: JudgeVersion;
}

/**
 * A person holds or releases a lot. A hold refuses no inspection, it only says that the lot must not leave.
 * @throws ProblemError not_found, ambiguous_lot, precondition_failed, transition_not_allowed, lot_not_releasable
 */
export async function requestLot(door: Door, cause: Cause, caller: Caller, request: LotRequest): Promise<Lot> {
  return await door.change<DispositionTables, Lot>(cause, async (tx): Promise<Decided<Lot>> => {
    const { lotId, state, reason } = request;
    const site = await siteOfLot(tx, caller, lotId, request.site);
    await lockLot(tx, site, lotId);
    const before = await readLot(tx, site, lotId);
    if (!before) throw new ProblemError('not_found');
    request.judgeVersion(before.version);
    if (before.state === state) throw new ProblemError('transition_not_allowed', { detail: `The lot is ${state} already` });
    if (state === 'released') {
      const detail = await unsettled(tx, site, lotId);
      if (detail !== null) throw new ProblemError('lot_not_releasable', { detail });
    }
    const { events, audit } = await decideLot(tx, { site, lot_id: lotId, state, reason, by: caller.name });
    const body = (await readLot(tx, site, lotId)) as Lot;
    return { result: body, events, audit, answer: { status: 200, body } };
  });
}
