import type { Defect, DefectReview } from '../contracts/defects.ts';
import { lotKey } from '../contracts/lot-id.ts';
import { type Caller, maySee } from '../contracts/permissions.ts';
import type { Cause, Decided, Door } from '../platform/db/door.ts';
import { invalid, ProblemError } from '../platform/problem.ts';
import { hasUnjudgedValues } from './apply-measurements.ts';
import { type JudgeVersion, join, lockInspection, nothingWritten, type Tx, termsOf, type Written } from './case.ts';
import { shownDefect } from './defects.ts';
import { settleSeverity } from './looks.ts';
import { effectOfReview } from './review-rules.ts';
import { labelOf, type Policy } from './rules.ts';
import { severityOf, worstOf } from './severity.ts';
import type { DefectRow, DispositionTables, InspectionRow } from './tables.ts';
import { giveVerdict, reviseVerdict } from './verdict.ts';

/** @throws ProblemError validation_error when class and decision do not go together */
function checked(review: DefectReview): DefectReview {
  if (review.decision === 'reclassify' && review.class === undefined)
    throw invalid('body -> class', 'A reclassification names the new class', 'required');
  if (review.decision !== 'reclassify' && review.class !== undefined)
    throw invalid('body -> class', `A class goes with reclassify, not with ${review.decision}`, 'forbidden', review.class);
  return review;
}

export async function changeDefect(tx: Tx, defect: DefectRow, review: DefectReview, caller: Caller, policy: Policy): Promise<DefectRow> {
  const name = review.decision === 'reclassify' && review.class ? review.class : defect.class;
  return await tx
    .updateTable('disposition.defect')
    .set({
      class: name,
      severity: name === defect.class ? defect.severity : severityOf(name, policy.rules),
      state: review.decision === 'reject' ? 'rejected' : 'confirmed',
      reviewed_by: caller.name,
      reviewed_at: new Date(),
      review_reason: review.reason ?? null,
      version: defect.version + 1,
    })
    .where('id', '=', defect.id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** What the inspection becomes now that its defects are as they are. */
export async function consequence(tx: Tx, inspection: InspectionRow, caller: Caller, policy: Policy): Promise<Written> {
  const defects = await tx.selectFrom('disposition.defect').selectAll().where('inspection_id', '=', inspection.id).execute();
  const byHand = await tx
    .selectFrom('disposition.judgement')
    .select('verdict')
    .where('inspection_id', '=', inspection.id)
    .where('by_hand', '=', true)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  const otherwise = byHand?.verdict ?? ((await hasUnjudgedValues(tx, inspection)) ? 'inconclusive' : null);
  const effect = effectOfReview({ ...inspection, otherwise }, defects, policy.rules);
  if (effect.kind === 'none') return nothingWritten();
  const confirmed = defects.filter(({ state }) => state === 'confirmed');
  const rejected =
    byHand === undefined && otherwise !== null
      ? 'all defects rejected in review, other values have no limits'
      : 'all defects rejected in review';
  const reason = confirmed.length === 0 ? rejected : `${confirmed.length} of ${defects.length} defects confirmed in review`;
  const said = {
    verdict: effect.verdict,
    reason: `${reason}; ${labelOf(policy)}`,
    by: 'person' as const,
    actor: caller.name,
    byHand: false,
    policy,
    operationId: null,
    worst: worstOf(confirmed.map(({ severity }) => severity)),
    defects: confirmed.length,
  };
  return effect.kind === 'complete' ? await giveVerdict(tx, inspection, said) : await reviseVerdict(tx, inspection, said);
}

export interface Reviewed extends Pick<Written, 'moved'> {
  defect: Defect;
}

/**
 * A person confirms, rejects or renames a defect; saying it again with another mind is allowed and recorded. The inspection follows by
 * `effectOfReview`, in the same commit.
 * @throws ProblemError validation_error, not_found, precondition_failed
 */
export async function reviewDefect(
  door: Door,
  cause: Cause,
  caller: Caller,
  id: string,
  review: DefectReview,
  judgeVersion: JudgeVersion,
): Promise<Reviewed> {
  checked(review);
  return await door.change<DispositionTables, Reviewed>(cause, async (tx): Promise<Decided<Reviewed>> => {
    const known = await tx.selectFrom('disposition.defect').select('inspection_id').where('id', '=', id).executeTakeFirst();
    const inspection = known ? await lockInspection(tx, known.inspection_id) : null;
    if (!inspection || !maySee(caller, inspection)) throw new ProblemError('not_found');
    const defect = await tx.selectFrom('disposition.defect').selectAll().where('id', '=', id).forUpdate().executeTakeFirstOrThrow();
    judgeVersion(defect.version);
    if (review.decision === 'reclassify' && defect.source === 'measurement')
      throw invalid('body -> decision', 'A measurement out of its limits has no other class', 'measurement', review.decision);
    const { policy } = await termsOf(tx, inspection);
    const row = await changeDefect(tx, defect, review, caller, policy);
    await settleSeverity(tx, inspection.id, caller.name);
    const { site, lot_id, station_id } = inspection;
    const told: Written = {
      moved: [],
      events: [
        {
          type: 'defect.reviewed',
          site,
          key: lotKey(inspection),
          aggregate: { type: 'defect', id, version: row.version },
          payload: { defect_id: id, inspection_id: inspection.id, lot_id, station_id, decision: review.decision, class: row.class },
        },
      ],
      audit: [
        {
          action: 'defect.reviewed',
          site,
          object: { type: 'defect', id },
          old: { state: defect.state, class: defect.class, severity: defect.severity, reviewed_by: defect.reviewed_by },
          new: { state: row.state, class: row.class, severity: row.severity, inspection_id: inspection.id, decision: review.decision },
          reason: review.reason ?? null,
        },
      ],
    };
    const { events, audit, moved } = join(told, await consequence(tx, inspection, caller, policy));
    const body = shownDefect(row);
    return { result: { defect: body, moved }, events, audit, answer: { status: 200, body } };
  });
}
