import { setTimeout as sleep } from 'node:timers/promises';
import type { AnyEvent } from '../../contracts/events.ts';
import type { Database } from '../db/database.ts';
import type { Door } from '../db/door.ts';
import { isAway } from '../db/faults.ts';
import type { Turnstile } from '../turnstile.ts';
import type { Consumer } from './consumer.ts';
import { type DeliveryLimits, deliver } from './deliver.ts';
import { storable } from './envelope.ts';
import { type OutboxEntry, openedOf } from './outbox-reader.ts';
import { finishRedriven, parkEvent } from './parking.ts';

export interface BusLog {
  warn(fields: object, message: string): void;
}

/** For metrics: one call an event and group. */
export type Observe = (group: string, event: AnyEvent, outcome: 'done' | 'drop' | 'park', milliseconds: number) => void;

export interface HandlingOptions {
  db: Database;
  door: Door;
  log: BusLog | undefined;
  observe: Observe | undefined;
  limits: DeliveryLimits;
  /** Aborted when even what is in hand must end. */
  stopping(): AbortSignal;
  /** Beside the row of the parked event: for a bus that has a place of its own for dead letters. */
  parked?(group: string, entry: OutboxEntry, cause: string, attempts: number): Promise<void>;
}

export interface Handling {
  /** Hands one entry over and settles what came of it. @returns false when it must stay where it is: the bus stops, or the lane was lost */
  handle(consumer: Consumer, inTurn: Turnstile, entry: OutboxEntry, closing: AbortSignal, redriven: boolean): Promise<boolean>;
}

/** What every bus does with an event, whatever carried it: deliver, and park or drop it for all to see. */
export function openHandling(options: HandlingOptions): Handling {
  const { db, door, log, observe, limits, stopping } = options;

  /** Until it works or the bus stops: what must not be skipped. */
  async function insist(work: () => Promise<void>): Promise<boolean> {
    const signal = stopping();
    for (let wait = 100; !signal.aborted; wait = Math.min(wait * 2, 2_000)) {
      try {
        await work();
        return true;
      } catch (error) {
        if (!isAway(error)) log?.warn({ err: error }, 'the bus could not write; trying again');
        await sleep(wait, undefined, { signal }).catch(() => {});
      }
    }
    return false;
  }

  async function setAside(group: string, entry: OutboxEntry, type: string | null, why: string, attempts: number): Promise<boolean> {
    // Words that the database refuses would be insisted on for ever, and hold up the partition.
    const reason = storable(why);
    log?.warn({ group, event_id: entry.eventId, event_type: type, attempts, reason }, 'event parked');
    await options.parked?.(group, entry, reason, attempts);
    return await insist(() => parkEvent(door, group, entry, reason, attempts));
  }

  return {
    async handle(consumer, inTurn, entry, closing, redriven) {
      const { group } = consumer;
      const opened = openedOf(entry);
      if (!opened.event) return await setAside(group, entry, opened.type, opened.poison, 1);
      const { event } = opened;
      const began = performance.now();
      const judged = await deliver(consumer, event, inTurn, closing, stopping(), limits);
      if (!judged) return false;
      const { outcome, attempts } = judged;
      if (outcome.kind === 'park') {
        if (!(await setAside(group, entry, event.event_type, outcome.reason, attempts))) return false;
      } else {
        if (outcome.kind === 'drop')
          log?.warn({ group, event_id: entry.eventId, event_type: event.event_type, reason: outcome.reason }, 'event dropped');
        if (redriven && !(await insist(() => finishRedriven(db, group, entry.eventId)))) return false;
      }
      observe?.(group, event, outcome.kind, performance.now() - began);
      return true;
    },
  };
}
