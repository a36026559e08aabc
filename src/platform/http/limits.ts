/** How many were taken under a key, by key. */
export type Takings = readonly (readonly [key: string, count: number])[];

/** Takes one of something; `false` when there is none left. */
export interface Limiter {
  take(key: string): boolean;
  readonly size: number;
  /** From then on this limiter tells what it gave and hears what others gave: several processes keep one limit. Called once. */
  share(): SharedLimit;
}

/**
 * The two ends of a limit that several processes share. Each has the whole rate and pays for what the others gave, a moment later and if need be into
 * debt: over time they give the rate together, wherever a client's connections are; at the edge of a burst each may give too much for that moment.
 */
export interface SharedLimit {
  /** What was given since the last call. */
  takings(): Takings;
  /** Another process gave so much. */
  charge(key: string, count: number): void;
}

interface Bucket {
  tokens: number;
  at: number;
}

/**
 * Token buckets by key: `rate` a second for ever, and up to `burst` at once after a rest. A process counts for itself unless it
 * shares the limit.
 * At most `maxKeys` buckets: full ones (which remember nothing) are dropped first, then the oldest.
 */
export function createLimiter(options: { rate: number; burst: number; maxKeys?: number; now?: () => number }): Limiter {
  const { rate, burst, maxKeys = 20_000, now = () => performance.now() } = options;
  const buckets = new Map<string, Bucket>();
  let given: Map<string, number> | null = null;

  function makeRoom(at: number): void {
    for (const [key, bucket] of buckets) if (bucket.tokens + ((at - bucket.at) / 1000) * rate >= burst) buckets.delete(key);
    for (const key of buckets.keys()) {
      if (buckets.size < maxKeys) break;
      buckets.delete(key);
    }
  }

  function filled(key: string): Bucket {
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
    return bucket;
  }

  return {
    take(key) {
      const bucket = filled(key);
      if (bucket.tokens < 1) return false;
      bucket.tokens -= 1;
      if (given !== null) given.set(key, (given.get(key) ?? 0) + 1);
      return true;
    },
    get size() {
      return buckets.size;
    },
    share() {
      given ??= new Map();
      return {
        takings() {
          const told = [...(given ?? [])];
          given?.clear();
          return told;
        },
        charge(key, count) {
          filled(key).tokens -= count;
        },
      };
    },
  };
}
