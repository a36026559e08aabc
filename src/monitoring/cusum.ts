/** Page's cumulative sums of a value that is standard normal while nothing happens: how far it has lately run up, and down. */
export interface Cusum {
  up: number;
  down: number;
}

export interface CusumTerms {
  /** Allowance, in sigmas: half of the shift that is to be found. */
  k: number;
  /** Decision limit, in sigmas. */
  h: number;
}

/** E. S. Page 1954, both sides. A signal is `up > h` or `down > h`, strictly. */
export function cusumStep({ up, down }: Cusum, z: number, { k }: CusumTerms): Cusum {
  return { up: Math.max(0, up + z - k), down: Math.max(0, down - z - k) };
}

export function signalOf({ up, down }: Cusum, { h }: CusumTerms): 'up' | 'down' | null {
  if (up > h) return 'up';
  return down > h ? 'down' : null;
}

/** What a Bernoulli CUSUM adds for each review: the log of how much likelier it is under the worse rate. */
export interface BernoulliTerms {
  /** Added for a false call, and for a true one (below 0). */
  hit: number;
  miss: number;
}

/** Against a rate whose odds are `factor` times those of `p0`. M. R. Reynolds and Z. G. Stoumbos 1999. */
export function bernoulliTerms(p0: number, factor: number): BernoulliTerms {
  const odds = (factor * p0) / (1 - p0);
  const p1 = odds / (1 + odds);
  return { hit: Math.log(p1 / p0), miss: Math.log((1 - p1) / (1 - p0)) };
}
export const bernoulliStep = (sum: number, hit: boolean, terms: BernoulliTerms): number =>
  Math.max(0, sum + (hit ? terms.hit : terms.miss));
