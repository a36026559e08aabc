import type { Look } from '../contracts/review.ts';
import { drawnForAudit } from './audit-draw.ts';
import type { Tx } from './case.ts';
import type { JudgedFinding } from './rules.ts';
import { rankOf } from './severity.ts';
import type { InspectionRow, LookRow } from './tables.ts';

export interface ReviewSettings {
  /** Share of a model's passes that a person looks at, 0..1. */
  auditShare: number;
  auditSeed: string;
  /** From which severity on a person confirms what a model failed a board by. */
  severityFrom: 'critical' | 'off';
  /** Looks that a model may have open because two of its versions disagree. */
  disagreements: number;
  /** Share of the answered audits that another person is asked again, 0..1. */
  repeatShare: number;
}

/** The record as the API shows it. */
export function shownLook({ inspection_id, kind, why, asked_at, outcome, missed, note, reviewed_by, reviewed_at }: LookRow): Look {
  return {
    inspection_id,
    kind,
    why,
    asked_at: asked_at.toISOString(),
    outcome,
    missed,
    note,
    reviewed_by,
    reviewed_at: reviewed_at?.toISOString() ?? null,
  };
}

/** Asks for the looks that a model's verdict calls for, in its commit: nobody can know of a pass and not of its audit. */
export async function askLooks(
  tx: Tx,
  inspection: InspectionRow,
  { operationId, defects }: { operationId: string; defects: readonly JudgedFinding[] },
  settings: ReviewSettings,
): Promise<void> {
  const { id, site, station_id, verdict } = inspection;
  const grave = settings.severityFrom === 'off' ? [] : defects.filter(({ severity }) => rankOf(severity) >= rankOf('critical'));
  const common = { inspection_id: id, site, station_id, operation_id: operationId };
  if (verdict === 'pass' && drawnForAudit(id, settings.auditShare, settings.auditSeed))
    await tx
      .insertInto('disposition.look')
      .values({ ...common, kind: 'audit', why: 'random_audit', share: settings.auditShare })
      .execute();
  if (verdict === 'fail' && grave.length > 0)
    await tx
      .insertInto('disposition.look')
      .values({
        ...common,
        kind: 'severity',
        why: 'critical_defect',
        share: null,
        rank: rankOf('critical'),
        score: Math.max(...grave.map(({ score }) => score)),
      })
      .execute();
}

/**
 * A look at grave defects is over when none of them is left to review: it agreed when of all that its run found a person rejected nothing and gave nothing
 * another class, be that class as grave.
 */
export async function settleSeverity(tx: Tx, inspectionId: string, reviewer: string): Promise<void> {
  const look = await tx
    .selectFrom('disposition.look')
    .select(['rank', 'operation_id'])
    .where('inspection_id', '=', inspectionId)
    .where('kind', '=', 'severity')
    .where('outcome', 'is', null)
    .executeTakeFirst();
  if (!look) return;
  const defects = await tx
    .selectFrom('disposition.defect')
    .select(['state', 'severity', 'class', 'proposed_class'])
    .where('inspection_id', '=', inspectionId)
    .where('source', '=', 'model')
    // Those of its run: what this one replaced was rejected by nobody who looked.
    .where('operation_id', 'is not distinct from', look.operation_id)
    .execute();
  if (defects.some(({ state, severity }) => state === 'proposed' && rankOf(severity) >= look.rank)) return;
  const wrong = defects.some(({ state, class: name, proposed_class }) => state === 'rejected' || name !== proposed_class);
  await tx
    .updateTable('disposition.look')
    .set({ outcome: wrong ? 'disagrees' : 'agrees', reviewed_by: reviewer, reviewed_at: new Date() })
    .where('inspection_id', '=', inspectionId)
    .where('kind', '=', 'severity')
    .execute();
}
