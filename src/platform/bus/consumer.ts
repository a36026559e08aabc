import type { AnyEvent, EventType, Topic } from '../../contracts/events.ts';
import type { Cause } from '../db/change.ts';
import { headOf, type OutboxEntry, openedOf } from './outbox-reader.ts';

/** `done`: go on. `drop`: not for us, noted and left. `park`: cannot be done by trying again; kept with its cause until redriven. A throw: try again. */
export type Outcome = { kind: 'done' } | { kind: 'drop'; reason: string } | { kind: 'park'; reason: string };

export const done: Outcome = { kind: 'done' };
export const drop = (reason: string): Outcome => ({ kind: 'drop', reason });
export const park = (reason: string): Outcome => ({ kind: 'park', reason });

export interface Delivery {
  /** For `door.changeOnce(delivery.cause, ...)`: actor system/<group>, the event's trace, the inbox key. */
  cause: Cause & { inbox: { group: string; eventId: string } };
  /** 1 at first. */
  attempt: number;
  /** Aborted when the bus stops or the time for one try is over. */
  signal: AbortSignal;
}

/**
 * A group sees every event of its topics at least once, those of one key in order. Its effect goes through `door.changeOnce`, which makes it
 * exactly once. A throw is tried 5 times within about 8 s, then parked; the database being away is no try.
 */
export interface Consumer {
  group: string;
  topics: readonly Topic[];
  /** Only these; others are passed over. */
  types?: readonly EventType[];
  handle(event: AnyEvent, delivery: Delivery): Promise<Outcome>;
}

/** Whether a group is to be shown an event. What has no readable type is for every group of its topic to set aside. */
export function wants({ types }: Consumer, entry: OutboxEntry): boolean {
  if (types === undefined) return true;
  const type = headOf(entry)?.type ?? openedOf(entry).type ?? null;
  return type === null || (types as readonly string[]).includes(type);
}
