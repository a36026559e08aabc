/** The middle value; of an even count the mean of the two in the middle. NaN of nothing. */
export function median(numbers: readonly number[]): number {
  if (numbers.length === 0) return Number.NaN;
  const sorted = [...numbers].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

/** `of[i] / by[i]` for every round that both have: what a neighbour does to one it does to the other, so their ratio moves less than either. */
export function pairedRatios(of: readonly number[], by: readonly number[]): number[] {
  const ratios: number[] = [];
  for (let round = 0; round < Math.min(of.length, by.length); round += 1) {
    const below = by[round] as number;
    const above = of[round] as number;
    if (below > 0 && Number.isFinite(above)) ratios.push(above / below);
  }
  return ratios;
}

/** The order of a mirrored round: there and back again (ABBA), so that a drift of the machine falls on all alike. */
export function mirrored<T>(names: readonly T[]): T[] {
  return [...names, ...[...names].reverse()];
}

/** Rounds a figure for a table or JSON: three digits after the point below 10, one below 100, none above. */
export function rounded(value: number): number {
  const digits = Math.abs(value) < 10 ? 3 : Math.abs(value) < 100 ? 1 : 0;
  return Number(value.toFixed(digits));
}
