/**
 * Seeded random numbers (sfc32). The same seed gives the same sequence on every machine, which is what makes a
 * simulated board, its picture and its truth reproducible from three integers.
 */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter: number;

  /** @param seed any number; only its low 53 bits count, and neighbouring seeds give unrelated sequences. */
  constructor(seed: number) {
    const whole = Math.abs(Math.trunc(seed)) % Number.MAX_SAFE_INTEGER;
    this.a = scramble((whole >>> 0) ^ 0x9e3779b9);
    this.b = scramble(Math.floor(whole / 4294967296) ^ 0x243f6a88);
    this.c = scramble(this.a ^ (seed < 0 ? 0x85a308d3 : 0xb7e15162));
    this.counter = 1;
    for (let i = 0; i < 12; i++) this.next();
  }

  /** Uniform in [0, 1). */
  next(): number {
    const t = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (this.c << 21) | (this.c >>> 11);
    this.c = (this.c + t) | 0;
    return (t >>> 0) / 4294967296;
  }

  /** Uniform in [low, high). */
  range(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** Uniform whole number in low..high, both included. */
  int(low: number, high: number): number {
    return low + Math.floor((high - low + 1) * this.next());
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    const item = list[Math.floor(this.next() * list.length)];
    if (item === undefined) throw new RangeError('pick from an empty list');
    return item;
  }

  /** Picks a key in proportion to its weight. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const keys = Object.keys(weights) as K[];
    let left = this.next() * keys.reduce((sum, key) => sum + weights[key], 0);
    for (const key of keys) {
      left -= weights[key];
      if (left < 0) return key;
    }
    return this.pick(keys);
  }

  /** Gaussian with mean 0 and deviation 1 (Box-Muller, one of the two values). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
  }

  /** Log-normal around `median`; `spread` is the deviation of the logarithm. */
  around(median: number, spread: number, low: number, high: number): number {
    return Math.min(high, Math.max(low, median * Math.exp(spread * this.normal())));
  }

  /** An independent generator for one part of the work, so that a change in one part leaves the others as they were. */
  fork(part: number): Random {
    return new Random(Math.floor(this.next() * 4294967296) + part * 4294967296);
  }

  shuffle<T>(list: T[]): T[] {
    for (let i = list.length - 1; i > 0; i--) {
      const j = Math.floor(this.next() * (i + 1));
      const kept = list[i] as T;
      list[i] = list[j] as T;
      list[j] = kept;
    }
    return list;
  }
}

function scramble(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return x ^ (x >>> 15);
}
