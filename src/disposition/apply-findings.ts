import type { EventPayloads } from '../contracts/events.ts';
import { WAITING_REASONS, type WaitingReason } from '../contracts/inspections.ts';
import { uuidv7 } from '../platform/id.ts';
import { lockInspection, type Tx, termsOf, type Written } from './case.ts';
import { askLooks, type ReviewSettings } from './looks.ts';
import { counted, type JudgedFinding, judgeFindings, labelOf, type Policy } from './rules.ts';
import { fails, worstOf } from './severity.ts';
import type { DefectRow, InspectionRow } from './tables.ts';
import { giveVerdict, letWait } from './verdict.ts';

/** Whether another deciding run is about to answer: then this word is late. */
async function overtaken(tx: Tx, inspectionId: string, operationId: string | null): Promise<boolean> {
  const others = await tx.selectFrom('inference.at_work').select('operation_id').where('inspection_id', '=', inspectionId).execute();
  return others.some(({ operation_id }) => operation_id !== operationId);
}

async function keepDefects(tx: Tx, inspection: InspectionRow, operationId: string, defects: readonly JudgedFinding[]): Promise<void> {
  // Proposals of an earlier run that this one was asked to replace: kept, and out of the way of the review.
  await tx
    .updateTable('disposition.defect')
    .set((is) => ({
      state: 'rejected',
      reviewed_by: 'disposition',
      reviewed_at: new Date(),
      review_reason: `superseded by run ${operationId}`,
      version: is('version', '+', 1),
    }))
    .where('inspection_id', '=', inspection.id)
    .where('source', '=', 'model')
    .where('state', '=', 'proposed')
    .execute();
  if (defects.length === 0) return;
  await tx
    .insertInto('disposition.defect')
    .values(
      defects.map(({ class: name, severity, score, box }) => ({
        id: uuidv7(),
        inspection_id: inspection.id,
        site: inspection.site,
        station_id: inspection.station_id,
        class: name,
        proposed_class: name,
        severity,
        score,
        ...box,
        characteristic: null,
        source: 'model' as const,
        operation_id: operationId,
        reviewed_by: null,
        reviewed_at: null,
        review_reason: null,
      })),
    )
    .execute();
}

/** What people confirmed while the board waited, and fails it; the last word first. No run takes it back: a later picture may show another side. */
export async function confirmedToFail(tx: Tx, inspection: InspectionRow, policy: Policy): Promise<DefectRow[]> {
  const confirmed = await tx
    .selectFrom('disposition.defect')
    .selectAll()
    .where('inspection_id', '=', inspection.id)
    .where('state', '=', 'confirmed')
    .orderBy('reviewed_at', 'desc')
    .execute();
  return confirmed.filter(({ severity }) => fails(severity, policy.rules));
}

/** A deciding run has answered. Null: late (judged, cancelled or unknown by now), nothing was recorded. */
export async function applyFindings(
  tx: Tx,
  event: EventPayloads['inference.completed'],
  settings: ReviewSettings,
): Promise<Written | null> {
  const inspection = await lockInspection(tx, event.inspection_id);
  if (inspection?.status !== 'in_progress' || (await overtaken(tx, inspection.id, event.operation_id))) return null;
  const { policy } = await termsOf(tx, inspection);
  const judgement = judgeFindings(event.candidates, policy, event.thresholds);
  await keepDefects(tx, inspection, event.operation_id, judgement.defects);
  const confirmed = await confirmedToFail(tx, inspection, policy);
  const [last] = confirmed;
  if (last && (judgement.kind === 'wait' || judgement.verdict === 'pass'))
    return await giveVerdict(tx, inspection, {
      verdict: 'fail',
      reason: `${counted(confirmed)} confirmed in review; ${labelOf(policy)}`,
      by: 'person',
      actor: last.reviewed_by ?? 'person',
      byHand: false,
      policy,
      operationId: event.operation_id,
      worst: worstOf(confirmed.map(({ severity }) => severity)),
      defects: confirmed.length,
    });
  if (judgement.kind === 'wait') return await letWait(tx, inspection, judgement.reason, judgement.detail);
  const given = await giveVerdict(tx, inspection, {
    verdict: judgement.verdict,
    reason: judgement.reason,
    by: 'model',
    actor: `${event.model} ${event.version}`,
    byHand: false,
    policy,
    operationId: event.operation_id,
    worst: worstOf(judgement.defects.map(({ severity }) => severity)),
    defects: judgement.defects.length,
  });
  await askLooks(tx, given.row, { operationId: event.operation_id, defects: judgement.defects }, settings);
  return given;
}

/** A model cannot answer: a person must look. Null: late. */
export async function applyFailure(tx: Tx, event: EventPayloads['inference.failed']): Promise<Written | null> {
  const inspection = await lockInspection(tx, event.inspection_id);
  if (!inspection || !['pending', 'in_progress'].includes(inspection.status)) return null;
  if (await overtaken(tx, inspection.id, event.operation_id)) return null;
  const known = (WAITING_REASONS as readonly string[]).includes(event.reason);
  return await letWait(tx, inspection, known ? (event.reason as WaitingReason) : 'model_failed', event.detail);
}
