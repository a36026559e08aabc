import type { LotState } from '../contracts/masterdata.ts';
import { labelOf, type Policy } from './rules.ts';

export interface Tally {
  judged: number;
  failed: number;
}

/** A fraction that is no sum of halves is a little off in floating point: 0.29 of 100 is less than 29. */
const ROUNDING = 1e-9;

/**
 * Whether a verdict just given holds its lot, and why in words; null when it does not. An open lot is held when more than the policy's fraction of
 * its judged inspections fail, once enough are judged; a fail in a released lot holds it again; a held lot stays as it is.
 */
export function holdReason(state: LotState, tally: Tally, verdictIsFail: boolean, policy: Policy): string | null {
  if (state === 'held') return null;
  const share = `${tally.failed} of ${tally.judged} judged inspections failed`;
  if (state === 'released') return verdictIsFail ? `a fail after the release: ${share}; ${labelOf(policy)}` : null;
  const { min_judged, fail_fraction } = policy.rules.hold;
  if (tally.judged < min_judged || tally.failed <= fail_fraction * tally.judged + ROUNDING) return null;
  return `${share}, more than ${Math.round(fail_fraction * 100)} %; ${labelOf(policy)}`;
}
