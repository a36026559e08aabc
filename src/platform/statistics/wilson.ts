/** The normal quantile of a two-sided 95 % interval. */
export const Z95 = 1.959963984540054;
export const CONFIDENCE = 0.95;

/**
 * Wilson's score interval of a share `count` of `n`: unlike the textbook's share +- 1.96 s it never leaves 0..1 and says something
 * true of 0 of n: 0 escapes in 100 audits is "below 3.7 %", not "none". Null while nothing was counted. `z` is the normal quantile: 1.96 is two-sided 95 %,
 * 2.576 one-sided 99.5 %. Formula and its coverage: E. B. Wilson, JASA 22 (1927) 209-212; R. G. Newcombe, Statistics in Medicine 17 (1998) 857-872, method 3.
 */
export function wilson(count: number, n: number, z = Z95): { low: number; high: number } | null {
  if (n === 0) return null;
  const share = count / n;
  const z2 = z * z;
  const middle = (share + z2 / (2 * n)) / (1 + z2 / n);
  const half = (z / (1 + z2 / n)) * Math.sqrt((share * (1 - share)) / n + z2 / (4 * n * n));
  return { low: count === 0 ? 0 : Math.max(0, middle - half), high: count === n ? 1 : Math.min(1, middle + half) };
}
