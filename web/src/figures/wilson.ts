export interface Share {
  hits: number;
  n: number;
  /** 0..1; null while n is 0: unknown is not zero. */
  value: number | null;
  low: number | null;
  high: number | null;
}

/**
 * A share with its 95 % Wilson score interval (E. B. Wilson, 1927): holds for small n and shares near 0 and 1, where the
 * usual normal approximation leaves the range.
 */
export function wilson(hits: number, n: number, z = 1.959964): Share {
  if (n <= 0) return { hits, n: 0, value: null, low: null, high: null };
  const p = hits / n;
  const centre = p + (z * z) / (2 * n);
  const half = z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  const scale = 1 + (z * z) / n;
  return {
    hits,
    n,
    value: p,
    low: hits === 0 ? 0 : Math.max(0, (centre - half) / scale),
    high: hits === n ? 1 : Math.min(1, (centre + half) / scale),
  };
}
