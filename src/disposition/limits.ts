import type { MeasurementLimit } from '../contracts/masterdata.ts';
import { labelOf, type Policy } from './rules.ts';
import { fails, severityOf } from './severity.ts';

export interface Measured {
  id: string;
  characteristic: string;
  value: number;
  unit: string;
  lsl: number | null;
  usl: number | null;
  target: number | null;
}

export interface Outcome {
  measurement: Measured;
  /** Null: nobody has limits for it, or those of the revision are in another unit. */
  limits: { from: 'revision' | 'posted'; lsl: number | null; usl: number | null; target: number | null } | null;
  inLimits: boolean | null;
  /** Why there are no limits, in words. */
  lacking: string | null;
}

export type LimitJudgement =
  | { kind: 'verdict'; verdict: 'pass' | 'fail'; reason: string; outcomes: Outcome[] }
  | { kind: 'wait'; reason: 'no_limits'; detail: string; outcomes: Outcome[] };

/** The revision's limits go before the posted ones; these count where it is silent. Limits themselves are inside. */
export function judgeMeasurement(measurement: Measured, limits: readonly MeasurementLimit[]): Outcome {
  const { characteristic, unit, value } = measurement;
  const ours = limits.find((limit) => limit.characteristic === characteristic && (limit.lsl !== null || limit.usl !== null));
  if (ours && ours.unit !== unit)
    return {
      measurement,
      limits: null,
      inLimits: null,
      lacking: `${characteristic} was measured in ${unit}, its limits are in ${ours.unit}`,
    };
  if (!ours && measurement.lsl === null && measurement.usl === null)
    return { measurement, limits: null, inLimits: null, lacking: `${characteristic} has no limits` };
  const from = ours ? ('revision' as const) : ('posted' as const);
  const { lsl, usl, target = null } = ours ?? measurement;
  const inLimits = (lsl === null || value >= lsl) && (usl === null || value <= usl);
  return { measurement, limits: { from, lsl, usl, target }, inLimits, lacking: null };
}

function some(names: readonly string[]): string {
  const [first = '', second = '', third = ''] = names;
  return names.length <= 3 ? names.join(', ') : `${first}, ${second}, ${third} and ${names.length - 3} more`;
}

/**
 * All measurements of an inspection -> pass, fail, or a person must look. One value out of its limits fails (if the policy lets `out_of_limits` fail),
 * whatever else is unknown; else one value without limits waits for a person: what cannot be judged never passes.
 */
export function judgeMeasurements(measured: readonly Measured[], limits: readonly MeasurementLimit[], policy: Policy): LimitJudgement {
  const outcomes = measured.map((one) => judgeMeasurement(one, limits));
  const out = outcomes.filter(({ inLimits }) => inLimits === false);
  if (out.length > 0 && fails(severityOf('out_of_limits', policy.rules), policy.rules)) {
    const names = some(out.map(({ measurement }) => measurement.characteristic));
    return {
      kind: 'verdict',
      verdict: 'fail',
      reason: `${out.length} of ${outcomes.length} values out of limits: ${names}; ${labelOf(policy)}`,
      outcomes,
    };
  }
  const lacking = outcomes.flatMap((outcome) => (outcome.lacking === null ? [] : [outcome.lacking]));
  if (lacking.length > 0 || outcomes.length === 0)
    return { kind: 'wait', reason: 'no_limits', detail: lacking.length > 0 ? some(lacking) : 'nothing was measured', outcomes };
  const reason =
    out.length === 0 ? `${outcomes.length} values within limits` : `${out.length} values out of limits, which does not fail a unit`;
  return { kind: 'verdict', verdict: 'pass', reason: `${reason}; ${labelOf(policy)}`, outcomes };
}
