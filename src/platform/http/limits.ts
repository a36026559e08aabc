/** Takes one of something; `false` when there is none left. */
export interface Limiter {
  take(key: string): boolean;
  readonly size: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

/**
 * Token buckets by key: `rate` a second for ever, and up to `burst` at once after a rest. A process of its own counts for itself.
 * At most `maxKeys` buckets: full ones (which remember nothing) are dropped first, then the oldest.
 */
export function createLimiter(options: { rate: number; burst: number; maxKeys?: number; now?: () => number }): Limiter {
  const { rate, burst, maxKeys = 20_000, now = () => performance.now() } = options;
  const buckets = new Map<string, Bucket>();

  function makeRoom(at: number): void {
    for (const [key, bucket] of buckets) if (bucket.tokens + ((at - bucket.at) / 1000) * rate >= burst) buckets.delete(key);
    for (const key of buckets.keys()) {
      if (buckets.size < maxKeys) break;
      buckets.delete(key);
    }
  }

  return {
    take(key) {
      const at = now();
      let bucket = buckets.get(key);
      if (bucket === undefined) {
        if (buckets.size >= maxKeys) makeRoom(at);
        bucket = { tokens: burst, at };
        buckets.set(key, bucket);
      } else {
        bucket.tokens = Math.min(burst, bucket.tokens + ((at - bucket.at) / 1000) * rate);
        bucket.at = at;
      }
      if (bucket.tokens < 1) return false;
      bucket.tokens -= 1;
      return true;
    },
    get size() {
      return buckets.size;
    },
  };
}
