import type { Severity } from '../contracts/defects.ts';
import { factsOf } from '../contracts/events.ts';
import type { Verdict, WaitingReason } from '../contracts/inspections.ts';
import { lotKey } from '../contracts/lot-id.ts';
import { uuidv7 } from '../platform/id.ts';
import { join, move, type Tx, type Written } from './case.ts';
import { countVerdict } from './lot-state.ts';
import { labelOf, type Policy } from './rules.ts';
import type { InspectionRow } from './tables.ts';

/** Steps of an inspection. Each is called with the locks of `lockInspection` held, and answers the row after it. */
export interface Said {
  verdict: Verdict;
  /** In words; becomes the inspection's reason. */
  reason: string;
  by: 'model' | 'limits' | 'person';
  /** Name for the record. */
  actor: string;
  /** A person judged the unit as a whole. */
  byHand: boolean;
  policy: Policy;
  operationId: string | null;
  worst: Severity | null;
  defects: number;
}

async function keep(tx: Tx, inspection: InspectionRow, said: Said, first: boolean): Promise<void> {
  await tx
    .insertInto('disposition.judgement')
    .values({
      id: uuidv7(),
      inspection_id: inspection.id,
      verdict: said.verdict,
      reason: said.reason,
      decided_by: said.by,
      actor: said.actor,
      policy_name: said.policy.name,
      policy_version: said.policy.version,
      operation_id: said.operationId,
      first,
      by_hand: said.byHand,
    })
    .execute();
}

/** The first verdict of an inspection: it is completed, told and counted once. The unique index on `first` holds it even against ourselves. */
export async function giveVerdict(tx: Tx, inspection: InspectionRow, said: Said): Promise<Written & { row: InspectionRow }> {
  const row = await move(tx, inspection.id, { status: 'completed', verdict: said.verdict, reason: said.reason });
  await keep(tx, inspection, said, true);
  const { site, id } = row;
  const policy = labelOf(said.policy);
  const told: Written = {
    moved: [factsOf(row)],
    events: [
      {
        type: 'inspection.judged',
        site,
        key: lotKey(row),
        aggregate: { type: 'inspection', id, version: row.version },
        payload: { ...factsOf(row), by: said.by, policy, worst_severity: said.worst, defects: said.defects },
      },
    ],
    audit: [
      {
        action: 'inspection.judged',
        site,
        object: { type: 'inspection', id },
        old: { status: inspection.status, reason: inspection.reason },
        new: {
          status: row.status,
          verdict: row.verdict,
          reason: row.reason,
          by: said.by,
          policy,
          operation_id: said.operationId,
          defects: said.defects,
        },
        reason: said.reason,
      },
    ],
  };
  const isFail = said.verdict === 'fail';
  return { ...join(told, await countVerdict(tx, row, { judged: 1, failed: isFail ? 1 : 0, isFail }, said.policy)), row };
}

/** A verdict that changes after a review: completed stays completed. */
export async function reviseVerdict(tx: Tx, inspection: InspectionRow, said: Said): Promise<Written & { row: InspectionRow }> {
  const previous = inspection.verdict;
  if (previous === null) throw new Error(`inspection ${inspection.id} has no verdict to revise`);
  const row = await move(tx, inspection.id, { status: 'completed', verdict: said.verdict, reason: said.reason });
  await keep(tx, inspection, said, false);
  const { site, id } = row;
  const told: Written = {
    moved: [],
    events: [
      {
        type: 'inspection.verdict_revised',
        site,
        key: lotKey(row),
        aggregate: { type: 'inspection', id, version: row.version },
        payload: { ...factsOf(row), previous },
      },
    ],
    audit: [
      {
        action: 'inspection.verdict_revised',
        site,
        object: { type: 'inspection', id },
        old: { verdict: previous, reason: inspection.reason },
        new: { verdict: row.verdict, reason: row.reason, by: said.by, policy: labelOf(said.policy) },
        reason: said.reason,
      },
    ],
  };
  const isFail = said.verdict === 'fail';
  const failed = isFail === (previous === 'fail') ? 0 : isFail ? 1 : -1;
  return { ...join(told, await countVerdict(tx, row, { judged: 0, failed, isFail }, said.policy)), row };
}

/** Nobody but a person can go on. `reason` is the closed word that the inspection shows, `detail` goes into the audit trail. */
export async function letWait(tx: Tx, inspection: InspectionRow, reason: WaitingReason, detail: string): Promise<Written> {
  const row = await move(tx, inspection.id, { status: 'awaiting_review', verdict: null, reason });
  const { site, id } = row;
  return {
    moved: [factsOf(row)],
    events: [
      {
        type: 'inspection.waiting',
        site,
        key: lotKey(row),
        aggregate: { type: 'inspection', id, version: row.version },
        payload: factsOf(row),
      },
    ],
    audit: [
      {
        action: 'inspection.waiting',
        site,
        object: { type: 'inspection', id },
        old: { status: inspection.status },
        new: { status: row.status, reason },
        reason: detail,
      },
    ],
  };
}
