import { hash, verify } from '@node-rs/argon2';
import { ProblemError } from '../platform/problem.ts';
import { turnstile } from '../platform/turnstile.ts';

/** OWASP's second setting for argon2id: 19 MiB, two passes, one lane. About 30 ms on one core. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Characters. Longer is refused unread: a hash over megabytes is a way to keep a core busy. */
export const MAX_PASSWORD = 256;

export interface Passwords {
  hash(password: string): Promise<string>;
  /** Whether the password is the one of the hash. Without a hash (nobody has that name) it takes as long and says no. @throws ProblemError overloaded */
  fits(password: string, stored: string | undefined): Promise<boolean>;
}

/** At most `atOnce` hashes run and `waiting` wait: more would take the memory and the cores of everything else. */
export function createPasswords({ atOnce = 2, waiting = 64 } = {}): Passwords {
  const inTurn = turnstile(atOnce);
  /** That run or wait. */
  let asked = 0;
  let dummy: Promise<string> | undefined;

  async function bounded<T>(work: () => Promise<T>): Promise<T> {
    if (asked >= atOnce + waiting) throw new ProblemError('overloaded', { retryAfter: 2 });
    asked += 1;
    try {
      return await inTurn(work);
    } finally {
      asked -= 1;
    }
  }

  return {
    hash: (password) => bounded(() => hash(password.normalize('NFKC'), COST)),
    async fits(password, stored) {
      if (password.length > MAX_PASSWORD) return false;
      dummy ??= hash('nobody has this password', COST);
      const against = stored ?? (await dummy);
      const same = await bounded(() => verify(against, password.normalize('NFKC')));
      return same && stored !== undefined;
    },
  };
}

/** One spelling for one person: NFKC, case folded (down, up and down again: also letters with two lower forms), no space around. */
export const foldUsername = (username: string): string =>
  username.normalize('NFKC').trim().toLowerCase().toUpperCase().toLowerCase().normalize('NFKC');
