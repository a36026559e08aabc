import type { Measurement } from '../contracts/measurements.ts';
import type { MeasurementRow } from './tables.ts';

interface Outcome {
  limits_from: 'revision' | 'posted' | null;
  in_limits: boolean | null;
  judged_lsl: number | null;
  judged_usl: number | null;
  judged_target: number | null;
}
const unjudged: Outcome = { limits_from: null, in_limits: null, judged_lsl: null, judged_usl: null, judged_target: null };

/** A measured value as the API shows it: with the limits that the station posted, and once it is judged with those that judged it and the outcome. */
export function presentMeasurement(row: MeasurementRow, outcome: Outcome = unjudged): Measurement {
  const judged = outcome.limits_from !== null;
  return {
    id: row.id,
    inspection_id: row.inspection_id,
    characteristic: row.characteristic,
    value: row.value,
    unit: row.unit,
    lsl: judged ? outcome.judged_lsl : row.lsl,
    usl: judged ? outcome.judged_usl : row.usl,
    target: judged ? outcome.judged_target : row.target,
    limits_from: outcome.limits_from,
    in_limits: outcome.in_limits,
    created_at: row.created_at.toISOString(),
  };
}
