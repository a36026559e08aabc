import type { Inspection } from '../../../src/contracts/inspections.ts';

export type Stated = Pick<Inspection, 'status' | 'verdict'>;
export type InspectionState = 'pass' | 'fail' | 'inconclusive' | 'pending' | 'in_progress' | 'awaiting_review' | 'cancelled' | 'failed';

/** The one word for an inspection: its verdict once it has one, its status before. */
export function stateOf({ status, verdict }: Stated): InspectionState {
  return status === 'completed' ? (verdict ?? 'inconclusive') : status;
}
