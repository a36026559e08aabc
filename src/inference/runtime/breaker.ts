/**
 * When calls to something outside are let through. Pure: the time is given, nothing runs by itself.
 *
 *     closed --5 failures in a row of one source, or `trip`--> open --its wait is over, `probe`--> probing --good--> closed
 *                                                                ^-------------------bad: the wait doubles-------------'
 *
 * It begins open with no wait: nothing is let through before the first probe was good.
 */
export interface BreakerLimits {
  /** Failures in a row that open it. */
  failures: number;
  /** Failures of one source that lie closer are one: a broken connection fails all that was in flight. Milliseconds. */
  togetherMs: number;
  firstWaitMs: number;
  mostWaitMs: number;
}
export const BREAKER_LIMITS: BreakerLimits = { failures: 5, togetherMs: 200, firstWaitMs: 1000, mostWaitMs: 10_000 };

export type BreakerState = 'closed' | 'open' | 'probing';
export interface Breaker {
  readonly state: BreakerState;
  /** In a row, by source: a heartbeat that is answered does not make up for runs that are not. */
  readonly failures: Readonly<Record<string, { count: number; at: number }>>;
  /** Time from which a probe may go, and the wait after which that is. */
  readonly probeAt: number;
  readonly waitMs: number;
}

export const untried = (now: number): Breaker => ({ state: 'open', failures: {}, probeAt: now, waitMs: 0 });

function opened(breaker: Breaker, now: number, limits: BreakerLimits): Breaker {
  const waitMs =
    breaker.state === 'closed' ? limits.firstWaitMs : Math.min(Math.max(breaker.waitMs * 2, limits.firstWaitMs), limits.mostWaitMs);
  return { state: 'open', failures: {}, probeAt: now + waitMs, waitMs };
}

export function failed(breaker: Breaker, source: string, now: number, limits: BreakerLimits = BREAKER_LIMITS): Breaker {
  if (breaker.state !== 'closed') return breaker;
  const before = breaker.failures[source];
  if (before !== undefined && now - before.at < limits.togetherMs) return breaker;
  const count = (before?.count ?? 0) + 1;
  if (count >= limits.failures) return opened(breaker, now, limits);
  return { ...breaker, failures: { ...breaker.failures, [source]: { count, at: now } } };
}

export function succeeded(breaker: Breaker, source: string): Breaker {
  if (breaker.failures[source] === undefined) return breaker;
  const { [source]: _, ...failures } = breaker.failures;
  return { ...breaker, failures };
}

/** Opens it at once: what failed is known not to be right. */
export const trip = (breaker: Breaker, now: number, limits: BreakerLimits = BREAKER_LIMITS): Breaker =>
  breaker.state === 'closed' ? opened(breaker, now, limits) : breaker;

export const mayProbe = (breaker: Breaker, now: number): boolean => breaker.state === 'open' && now >= breaker.probeAt;

/** The one probe goes. @throws Error when none may */
export function probe(breaker: Breaker, now: number): Breaker {
  if (!mayProbe(breaker, now)) throw new Error(`a breaker that is ${breaker.state} is not probed`);
  return { ...breaker, state: 'probing' };
}

export function probed(breaker: Breaker, good: boolean, now: number, limits: BreakerLimits = BREAKER_LIMITS): Breaker {
  if (breaker.state !== 'probing') return breaker;
  return good ? { state: 'closed', failures: {}, probeAt: 0, waitMs: 0 } : opened(breaker, now, limits);
}
