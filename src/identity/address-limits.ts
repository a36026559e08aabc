import { createLimiter, type Limiter } from '../platform/http/limits.ts';

/** By address, before anything is stored or hashed: many people can sit behind one, so each may do at once what the change of a shift does. */
export interface AddressLimits {
  /** Requests that leave a row behind: sign-ins and sign-outs that are begun. 10 a second for ever is less than the sweep takes out. */
  readonly begun: Limiter;
  /** Passwords tried, whatever the name: a lock of each name alone would let one address try a password on all of them. */
  readonly tries: Limiter;
}

export function addressLimits(share?: (name: string, limiter: Limiter) => void): AddressLimits {
  const limits = { begun: createLimiter({ rate: 10, burst: 600 }), tries: createLimiter({ rate: 1, burst: 200 }) };
  for (const [name, limiter] of Object.entries(limits)) share?.(`sign_in_${name}`, limiter);
  return limits;
}
