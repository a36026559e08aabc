import { setTimeout as sleep } from 'node:timers/promises';
import type { AnyEvent } from '../../contracts/events.ts';
import { isAway } from '../db/faults.ts';
import type { Turnstile } from '../turnstile.ts';
import type { Consumer, Outcome } from './consumer.ts';

export interface DeliveryLimits {
  /** Waits between the tries of one event; one more try than waits. Each is varied by a quarter. */
  retryDelaysMs: readonly number[];
  /** One try may take this long before its signal is aborted and it counts as failed. */
  tryMs: number;
  /** A partition is held up by one event at most this long (not counting a database that is away). */
  holdMs: number;
}
export const DELIVERY_LIMITS: DeliveryLimits = { retryDelaysMs: [100, 300, 1000, 2000], tryMs: 10_000, holdMs: 25_000 };

export interface Judged {
  outcome: Outcome;
  /** How often it was tried. */
  attempts: number;
}

/** A try that is over time is given so long to end: it may be at its last statement, and then it is done after all (milliseconds). */
const END_MS = 1_000;

const text = (error: unknown): string => (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).slice(0, 2000);

async function once(consumer: Consumer, event: AnyEvent, attempt: number, stop: AbortSignal, limitMs: number): Promise<Outcome> {
  const control = new AbortController();
  const cause = {
    actor: { subject: 'system', name: consumer.group, kind: 'system' as const },
    requestId: null,
    traceId: event.trace_id,
    inbox: { group: consumer.group, eventId: event.event_id, signal: control.signal },
  };
  let end: NodeJS.Timeout | undefined;
  let abort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => {
      const why = new Error(stop.aborted ? 'stopped' : `not done after ${limitMs} ms`);
      control.abort(why);
      if (stop.aborted) reject(why);
      else end ??= setTimeout(() => reject(why), END_MS);
    };
  });
  const timer = setTimeout(() => abort?.(), limitMs);
  if (abort) stop.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([consumer.handle(event, { cause, attempt, signal: control.signal }), aborted]);
  } finally {
    clearTimeout(timer);
    clearTimeout(end);
    if (abort) stop.removeEventListener('abort', abort);
  }
}

/**
 * Hands one event to its consumer until there is an outcome: a throw is tried again after a growing wait, then parked; the database being away is
 * waited out and is no try. `undefined`: closed before there was one. Waits hold up nobody's turn, so a failing event holds up its own partition only.
 * `closing` ends the tries, `stop` cuts even the one in hand.
 */
export async function deliver(
  consumer: Consumer,
  event: AnyEvent,
  inTurn: Turnstile,
  closing: AbortSignal,
  stop: AbortSignal,
  limits: DeliveryLimits,
): Promise<Judged | undefined> {
  let held = 0;
  for (let attempt = 1; !closing.aborted && !stop.aborted; ) {
    const began = performance.now();
    try {
      const outcome = await inTurn(() => once(consumer, event, attempt, stop, limits.tryMs));
      return { outcome, attempts: attempt };
    } catch (error) {
      if (stop.aborted) return undefined;
      const away = isAway(error);
      const delay = away ? 500 : limits.retryDelaysMs[attempt - 1];
      if (!away) held += performance.now() - began + (delay ?? 0);
      if (delay === undefined || held > limits.holdMs) return { outcome: { kind: 'park', reason: text(error) }, attempts: attempt };
      if (!away) attempt += 1;
      await sleep(delay * (0.75 + Math.random() / 2), undefined, { signal: closing }).catch(() => {});
    }
  }
  return undefined;
}
