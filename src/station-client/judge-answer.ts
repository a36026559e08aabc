import type { Answer } from './platform.ts';
import type { Entry } from './records.ts';

/**
 * What an answer means for an entry. `hold`: nothing is wrong with it, but with who asks or where; it waits like one that is tried again. `early`: its
 * time lies ahead of the platform's clock; it will be good later, and nothing else has to wait for it.
 */
export type Meaning = 'done' | 'again' | 'hold' | 'used' | 'early' | 'dead';

/** The `error.code` of a problem body, or ''. */
export function codeOf(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: { code?: unknown } };
    return typeof error?.code === 'string' ? error.code : '';
  } catch {
    return '';
  }
}

/** The rules of the platform that only a clock breaks: a time that lies ahead, a key that was made ahead of its time. */
const OF_CLOCK = new Set(['future', 'clock']);

/** Whether a refusal blames nothing but the clock of the station. */
export function blamesClock(text: string): boolean {
  try {
    const { error } = JSON.parse(text) as { error?: { details?: { constraint?: string }[] } };
    const details = error?.details ?? [];
    return details.length > 0 && details.every(({ constraint = '' }) => OF_CLOCK.has(constraint));
  } catch {
    return false;
  }
}

/** How far the platform takes a time that lies ahead of its clock, and how far ahead one may be that is waited for; milliseconds. */
const AHEAD_MS = 5 * 60_000;
const WORTH_WAITING_MS = 7 * 86_400_000;

/** Seconds until an entry of this time is worth another try: when it will be taken, and ten minutes at most, the clock may be set. Null: not within a week. */
export function untilTaken(time: number, platformTime: number | null): number | null {
  if (platformTime === null) return 60;
  const ahead = time - platformTime;
  if (ahead > WORTH_WAITING_MS) return null;
  return Math.min(600, Math.max(2, (ahead - AHEAD_MS) / 1000 + 1));
}

/**
 * What a 2xx to an entry says: the id of what was made, null for values. A portal or another program at the address says 200 as well, to everything.
 * @throws Error when it is no answer of the platform: nothing has arrived
 */
export function receiptOf(text: string, t: Entry['t']): string | null {
  try {
    const said = JSON.parse(text) as { id?: unknown; data?: unknown };
    if (t === 'measure' && Array.isArray(said.data)) return null;
    if (t !== 'measure' && typeof said.id === 'string') return said.id;
  } catch {}
  throw new Error('What answered at the address is not the platform');
}

const AGAIN = new Set([408, 425, 429]);
/** The token, its scopes, the address: a person has to mend it, and then the entry is good. */
const HOLD = new Set([401, 403, 405, 407, 421]);

export function meaningOf(status: number, code: string, isPost: boolean, clock = false): Meaning {
  if (status >= 200 && status < 300) return 'done';
  if (status >= 500 || AGAIN.has(status) || code === 'idempotency_in_progress') return 'again';
  if (status < 400 || HOLD.has(status) || code === 'host_not_allowed' || (status === 404 && isPost)) return 'hold';
  if (status === 422 && clock) return 'early';
  return code === 'sequence_used' ? 'used' : 'dead';
}

/** Seconds until the next try: doubled from a quarter of a second up to half a minute, spread, and never sooner than the platform asked (at most 5 minutes). */
export function waitFor(tries: number, answer: Pick<Answer, 'retryAfter'> | null, random = Math.random()): number {
  const backOff = Math.min(30, 0.25 * 2 ** Math.min(tries, 10)) * (0.5 + random / 2);
  return Math.max(backOff, Math.min(300, answer?.retryAfter ?? 0));
}
