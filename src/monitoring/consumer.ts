import { type Consumer, done, drop } from '../platform/bus/consumer.ts';
import type { Decided, Door } from '../platform/db/door.ts';
import { observeBoard, observeReview } from './observe.ts';
import type { Raised } from './raise-alarm.ts';
import type { MonitoringTables } from './tables.ts';
import type { Tx } from './watch-store.ts';

/** Decisions about a call of a model. A `missed` defect is none: no model called it. */
const DECISIONS = ['confirm', 'reject', 'reclassify'];

export interface ObserverDeps {
  door: Door;
  baselineBoards: number;
}

/** Group `monitoring`: every judged board and every first review is counted once. */
export function monitoringConsumer({ door, baselineBoards }: ObserverDeps): Consumer {
  return {
    group: 'monitoring',
    topics: ['inference.workflow', 'quality.signals'],
    types: ['inference.completed', 'defect.reviewed'],
    async handle(event, { cause }) {
      const once = (work: (tx: Tx) => Promise<Raised>) =>
        door.changeOnce<MonitoringTables, null>(cause, async (tx): Promise<Decided<null>> => ({ result: null, ...(await work(tx)) }));
      if (event.event_type === 'inference.completed') {
        // The same picture again, for another purpose: it says nothing new of the station.
        if (!event.payload.decides) return done;
        await once((tx) => observeBoard(tx, event, baselineBoards));
        return done;
      }
      if (event.event_type !== 'defect.reviewed') return drop('not for this group');
      // A defect's version is 1 until it is reviewed.
      if (event.aggregate.version !== 2 || !DECISIONS.includes(event.payload.decision)) return done;
      await once((tx) => observeReview(tx, event));
      return done;
    },
  };
}
