import { normalQuantile } from './normal.ts';

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return 0;
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** Spread of the middle of the values, as a standard deviation: 1.4826 x the median distance from the median. */
export const spread = (values: readonly number[], middle = median(values)): number =>
  1.4826 * median(values.map((value) => Math.abs(value - middle)));

/** How many of `sorted` lie below `value`. */
function below(sorted: readonly number[], value: number, orEqual: boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const one = sorted[middle] as number;
    if (one < value || (orEqual && one === value)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The place of a value among the baseline's, as the normal value of that rank; equal ones count half. So a detector made for normal values keeps its
 * promises whatever the feature's distribution is, one wild board counts no more than the wildest of the baseline, and a feature that never moves stays 0.
 */
export function normalScore(sorted: readonly number[], value: number): number {
  if (sorted.length === 0) return 0;
  const rank = (below(sorted, value, false) + below(sorted, value, true)) / 2;
  return normalQuantile((rank + 0.5) / (sorted.length + 1));
}
