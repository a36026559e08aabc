/** A value and the next that is told apart from it differ by this factor. */
const STEP = 1.005;
const LOG_STEP = Math.log(STEP);
/** 1 us to about 20 minutes, in milliseconds. */
const LEAST = 0.001;
const BUCKETS = 4200;

/** Latencies in milliseconds, counted in buckets that are 0.5 % wide: constant memory however long a run is. */
export class Histogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #count = 0;
  #max = 0;

  record(millis: number): void {
    const bucket = millis <= LEAST ? 0 : Math.min(BUCKETS - 1, Math.ceil(Math.log(millis / LEAST) / LOG_STEP));
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count += 1;
    if (millis > this.#max) this.#max = millis;
  }

  get count(): number {
    return this.#count;
  }

  get max(): number {
    return this.#max;
  }

  /** The value that `share` (0 to 1) of all values do not exceed, at most 0.5 % too high; 0 of nothing. */
  at(share: number): number {
    if (this.#count === 0) return 0;
    const rank = Math.max(1, Math.ceil(share * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      seen += this.#counts[bucket] ?? 0;
      if (seen >= rank) return Math.min(this.#max, LEAST * STEP ** bucket);
    }
    return this.#max;
  }

  /** The figures of a table, in milliseconds. */
  summary(): Latency {
    const figure = (value: number) => Number(value.toFixed(3));
    return { p50: figure(this.at(0.5)), p95: figure(this.at(0.95)), p99: figure(this.at(0.99)), max: figure(this.#max) };
  }
}

export interface Latency {
  p50: number;
  p95: number;
  p99: number;
  max: number;
}
