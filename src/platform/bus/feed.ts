import { type AnyEvent, EVENT_TYPES } from '../../contracts/events.ts';
import type { Database } from '../db/database.ts';
import { readAll, readTrim } from './outbox-reader.ts';
import { compare, cursorOf, parseCursor } from './position.ts';
import type { Tail } from './tail.ts';

export interface FeedEntry {
  /** `xid.seq`; see `compareCursors`. */
  cursor: string;
  event: AnyEvent;
}

/** Every process tails the outbox once; live screens and waiting requests listen to that. Not a consumer: nothing is kept of who read what. */
export interface Feed {
  /** Everything before this cursor has been told to the listeners. */
  cursor(): string;
  /**
   * At most `limit` events after a cursor, none newer than what the listeners have been told by the time of the call: who calls `listen` and
   * `after` in one turn and takes the page first misses nothing and sees nothing twice (with further pages: drop what is not newer, by
   * `compareCursors`). `gap` when something after the cursor is no longer kept, or when it is no cursor of this database.
   */
  after(cursor: string, limit: number): Promise<{ gap: boolean; events: FeedEntry[] }>;
  /** @returns how to stop listening */
  listen(fn: (entry: FeedEntry) => void): () => void;
  wake(): void;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Order of two cursors of a feed, for sorting; a text that is no cursor comes first. */
export function compareCursors(a: string, b: string): number {
  const nowhere = { xid: -1n, seq: 0 };
  return compare(parseCursor(a) ?? nowhere, parseCursor(b) ?? nowhere);
}

export interface FeedOptions {
  db: Database;
  tail: Tail;
  log?: { warn(fields: object, message: string): void };
}

export function openFeed({ db, tail, log }: FeedOptions): Feed {
  const listeners = new Set<(entry: FeedEntry) => void>();
  let unlisten: (() => void) | undefined;
  return {
    cursor: () => cursorOf(tail.position()),
    async after(cursor, limit) {
      const until = tail.position();
      const from = parseCursor(cursor);
      if (!from) return { gap: true, events: [] };
      const { entries, horizon } = await readAll(db, from, limit);
      // Another process may be ahead of this one; nobody is ahead of the database.
      if (compare(from, horizon) > 0) return { gap: true, events: [] };
      // Asked after the page was read: what was removed before or meanwhile shows.
      const gap = compare(from, await readTrim(db)) < 0;
      const events = entries
        .filter((entry) => compare(entry.position, until) <= 0)
        .map((entry) => ({ cursor: cursorOf(entry.position), event: JSON.parse(entry.text) as AnyEvent }));
      return { gap, events };
    },
    listen(fn) {
      listeners.add(fn);
      return () => listeners.delete(fn);
    },
    wake: () => tail.wake(),
    async start() {
      unlisten ??= tail.listen(
        ({ entries }) => {
          if (listeners.size === 0) return;
          for (const { position, text } of entries) {
            const entry = { cursor: cursorOf(position), event: JSON.parse(text) as AnyEvent };
            for (const listener of [...listeners]) {
              try {
                listener(entry);
              } catch (error) {
                log?.warn({ err: error }, 'a listener of the feed failed');
              }
            }
          }
        },
        () => (listeners.size > 0 ? EVENT_TYPES : []),
      );
      await tail.start();
    },
    async stop() {
      unlisten?.();
      unlisten = undefined;
      await tail.stop();
    },
  };
}
