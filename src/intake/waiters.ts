import type { EventType } from '../contracts/events.ts';
import type { Feed } from '../platform/bus/feed.ts';

/** Requests that wait at the same time; one more is answered at once with the state of now. */
const MAX_WAITERS = 2000;
const TOLD: ReadonlySet<EventType> = new Set<EventType>(['inspection.waiting', 'inspection.judged', 'inspection.cancelled']);

export interface Waiters {
  /**
   * `told` resolves when the feed says that this inspection is judged, waits for a person or was cancelled; when `millis` are over; or when the
   * signal aborts. Asks nobody in between: one listener serves all. `null` when too many wait, or nobody may any more.
   */
  settled(inspectionId: string, millis: number, signal: AbortSignal): { told: Promise<void>; stop(): void } | null;
  /** Ends the listening and lets everybody go. */
  close(): void;
}

export function openWaiters(feed: Pick<Feed, 'listen'>): Waiters {
  const waiting = new Map<string, Set<() => void>>();
  let count = 0;
  let closed = false;
  let unlisten: (() => void) | null = null;

  // Nobody listens while nobody waits: the feed then parses no event for us.
  function attend(): void {
    unlisten ??= feed.listen(({ event }) => {
      if (!TOLD.has(event.event_type)) return;
      const heard = waiting.get((event.payload as { inspection_id: string }).inspection_id);
      if (heard) for (const tell of [...heard]) tell();
    });
  }
  function leave(): void {
    unlisten?.();
    unlisten = null;
  }

  return {
    settled(inspectionId, millis, signal) {
      if (closed || count >= MAX_WAITERS || signal.aborted) return null;
      const { promise, resolve } = Promise.withResolvers<void>();
      const others = waiting.get(inspectionId) ?? new Set();
      waiting.set(inspectionId, others);
      const timer = setTimeout(() => stop(), millis);
      const tell = () => stop();
      const stop = () => {
        if (!others.delete(tell)) return;
        count -= 1;
        if (others.size === 0) waiting.delete(inspectionId);
        if (count === 0) leave();
        clearTimeout(timer);
        signal.removeEventListener('abort', tell);
        resolve();
      };
      others.add(tell);
      count += 1;
      attend();
      signal.addEventListener('abort', tell, { once: true });
      return { told: promise, stop };
    },
    close() {
      closed = true;
      for (const heard of [...waiting.values()]) for (const tell of [...heard]) tell();
    },
  };
}
