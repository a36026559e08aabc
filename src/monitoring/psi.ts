import { chiSquareQuantile } from './normal.ts';

/** Which bin of `edges` (ascending) a value falls into: an edge belongs to the bin below it. */
export function binOf(edges: readonly number[], value: number): number {
  let bin = 0;
  while (bin < edges.length && value > (edges[bin] as number)) bin += 1;
  return bin;
}

export function histogram(edges: readonly number[], values: readonly number[]): number[] {
  const bins = new Array<number>(edges.length + 1).fill(0);
  for (const value of values) bins[binOf(edges, value)]! += 1;
  return bins;
}

/** Edges that cut the values into at most `bins` parts of about the same size; fewer where many are equal. They stay those of the baseline. */
export function quantileEdges(values: readonly number[], bins = 10): number[] {
  const sorted = [...values].sort((one, other) => one - other);
  const last = sorted.at(-1);
  const edges: number[] = [];
  for (let part = 1; part < bins; part += 1) {
    const edge = sorted[Math.ceil((part * sorted.length) / bins) - 1];
    if (edge !== undefined && edge !== edges.at(-1) && edge !== last) edges.push(edge);
  }
  return edges;
}

/** Added to each bin on both sides, so that an empty one is rare and not impossible (Jeffreys). */
const SMOOTHING = 0.5;
const total = (bins: readonly number[]): number => bins.reduce((sum, each) => sum + each, 0);

/** Population stability index of two histograms over the same bins: sum of (q - p) ln(q / p). 0 for a single bin. */
export function psi(baseline: readonly number[], current: readonly number[]): number {
  const [n, m] = [total(baseline) + SMOOTHING * baseline.length, total(current) + SMOOTHING * baseline.length];
  return baseline.reduce((sum, count, bin) => {
    const p = (count + SMOOTHING) / n;
    const q = ((current[bin] ?? 0) + SMOOTHING) / m;
    return sum + (q - p) * Math.log(q / p);
  }, 0);
}

/** What is customarily taken for large (some take 0.25): below, a change is too small to matter however certain. */
const LARGE = 0.2;
/** Share of windows in which chance alone may be taken for a change. */
const CHANCE = 1e-4;

/**
 * From where on an index is an alarm: large, and more than chance. While nothing has changed, the index is about (1/n + 1/m) x chi-square with
 * bins - 1 degrees of freedom (Yurdakul 2018): at 200 boards a side and 10 bins, chance alone passes 0.2 in one window of fifty.
 */
export function psiLimit(bins: number, n: number, m: number, { large, chance } = { large: LARGE, chance: CHANCE }): number {
  if (bins < 2 || n === 0 || m === 0) return Number.MAX_VALUE;
  return Math.max(large, (1 / n + 1 / m) * chiSquareQuantile(1 - chance, bins - 1));
}
