import type { Severity } from '../contracts/defects.ts';
import type { InspectionStatus, Verdict } from '../contracts/inspections.ts';
import type { PolicyRules } from '../contracts/masterdata.ts';
import { fails } from './severity.ts';

export interface ReviewedDefect {
  severity: Severity;
  state: 'proposed' | 'confirmed' | 'rejected';
}

export interface ReviewedInspection {
  status: InspectionStatus;
  verdict: Verdict | null;
  /** Its waiting reason while it waits. */
  reason: string | null;
  /** What a person last said of the whole unit, else `inconclusive` where one of its values was never judged; null: neither. */
  otherwise: Verdict | null;
}

export type Effect = { kind: 'none' } | { kind: 'complete'; verdict: 'pass' | 'fail' } | { kind: 'revise'; verdict: Verdict };

/**
 * What the reviews of an inspection's defects, as they stand now, make of it.
 *
 * | inspection            | defects                             | effect                                              |
 * |-----------------------|-------------------------------------|-----------------------------------------------------|
 * | waits as `uncertain`  | some still proposed                 | none                                                |
 * | waits as `uncertain`  | none proposed, one confirmed fails  | completed, fail                                     |
 * | waits as `uncertain`  | none proposed, none confirmed fails | completed, pass                                     |
 * | waits for other words | any                                 | none: the defects are not what it waits for         |
 * | completed             | one confirmed fails                 | fail                                                |
 * | completed, fail       | one proposed would fail             | none: fail until all are looked at                  |
 * | completed, fail       | all that could fail are rejected    | what a person said of the whole unit, else pass;    |
 * |                       |                                     | inconclusive where a value was never judged         |
 * | completed, otherwise  |                                     | none                                                |
 * | cancelled and others  | any                                 | none                                                |
 */
export function effectOfReview(inspection: ReviewedInspection, defects: readonly ReviewedDefect[], rules: PolicyRules): Effect {
  const failing = (state: ReviewedDefect['state']) => defects.some((defect) => defect.state === state && fails(defect.severity, rules));
  if (inspection.status === 'awaiting_review') {
    if (inspection.reason !== 'uncertain' || defects.some(({ state }) => state === 'proposed')) return { kind: 'none' };
    return { kind: 'complete', verdict: failing('confirmed') ? 'fail' : 'pass' };
  }
  if (inspection.status !== 'completed') return { kind: 'none' };
  if (failing('confirmed')) return inspection.verdict === 'fail' ? { kind: 'none' } : { kind: 'revise', verdict: 'fail' };
  if (inspection.verdict !== 'fail' || failing('proposed')) return { kind: 'none' };
  const verdict = inspection.otherwise ?? 'pass';
  return verdict === 'fail' ? { kind: 'none' } : { kind: 'revise', verdict };
}
