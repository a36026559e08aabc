import type { Answer } from './platform.ts';

/** What an answer means for an entry. `hold`: nothing is wrong with it, but with who asks or where; it waits like one that is tried again. */
export type Meaning = 'done' | 'again' | 'hold' | 'used' | 'dead';

/** The `error.code` of a problem body, or ''. */
export function codeOf(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: { code?: unknown } };
    return typeof error?.code === 'string' ? error.code : '';
  } catch {
    return '';
  }
}

const AGAIN = new Set([408, 425, 429]);
/** The token, its scopes, the address: a person has to mend it, and then the entry is good. */
const HOLD = new Set([401, 403, 405, 407, 421]);

export function meaningOf(status: number, code: string, isPost: boolean): Meaning {
  if (status >= 200 && status < 300) return 'done';
  if (status >= 500 || AGAIN.has(status) || code === 'idempotency_in_progress') return 'again';
  if (status < 400 || HOLD.has(status) || code === 'host_not_allowed' || (status === 404 && isPost)) return 'hold';
  return code === 'sequence_used' ? 'used' : 'dead';
}

/** Seconds until the next try: doubled from a quarter of a second up to half a minute, spread, and never sooner than the platform asked (at most 5 minutes). */
export function waitFor(tries: number, answer: Pick<Answer, 'retryAfter'> | null, random = Math.random()): number {
  const backOff = Math.min(30, 0.25 * 2 ** Math.min(tries, 10)) * (0.5 + random / 2);
  return Math.max(backOff, Math.min(300, answer?.retryAfter ?? 0));
}
