import { wilson } from '../platform/statistics/wilson.ts';
import { bernoulliStep, bernoulliTerms } from './cusum.ts';

/** Reviewed calls of a station that say how many false ones are normal. */
export const BASELINE_CALLS = 100;
/** What is to be found: odds of a false call twice those of the baseline. */
const FACTOR = 2;
/** Of the summed log likelihood ratio: no false alarm in e^7 = 1,100 reviewed calls on average, at the least (G. Lorden 1971). */
export const FALSE_CALL_LIMIT = 7;

/** Reviewed calls of a station. Plain data. */
export interface FalseCalls {
  reviewed: number;
  rejected: number;
  /** Of the baseline; null while it is learnt. */
  rate: number | null;
  sum: number;
  /** Reviewed calls since the sum last stood at 0, and the false ones among them: what has been going on lately. Not in what was kept before it was counted. */
  since?: { n: number; bad: number };
}

export const newFalseCalls = (): FalseCalls => ({ reviewed: 0, rejected: 0, rate: null, sum: 0, since: { n: 0, bad: 0 } });

/**
 * One more reviewed call; true when the sum is over its limit. The baseline's rate is taken at the upper end of its Wilson interval: a hundred calls
 * know it to within ten points, and a rate taken too low would be an alarm sooner or later.
 */
export function stepFalseCalls(state: FalseCalls, rejected: boolean): boolean {
  state.reviewed += 1;
  if (rejected) state.rejected += 1;
  if (state.rate === null) {
    if (state.reviewed >= BASELINE_CALLS) state.rate = Math.min(0.95, wilson(state.rejected, state.reviewed)?.high ?? 0.95);
    return false;
  }
  state.sum = bernoulliStep(state.sum, rejected, bernoulliTerms(state.rate, FACTOR));
  const { n, bad } = state.since ?? { n: 0, bad: 0 };
  state.since = state.sum === 0 ? { n: 0, bad: 0 } : { n: n + 1, bad: bad + (rejected ? 1 : 0) };
  return state.sum > FALSE_CALL_LIMIT;
}

/** The share of false calls since the sum last stood at 0: that of the whole life hides what is new behind thousands of old reviews. Null while it stands there. */
export const recentRate = ({ since }: FalseCalls): number | null => (since && since.n > 0 ? since.bad / since.n : null);
