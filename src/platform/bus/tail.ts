import { EVENT_TYPES, type EventType, TOPIC_OF, type Topic } from '../../contracts/events.ts';
import type { Database } from '../db/database.ts';
import { type OutboxEntry, readAll, readTail } from './outbox-reader.ts';
import { compare, type Position, START } from './position.ts';
import { Precedence } from './precedence.ts';

/**
 * What the tail has just read: everything of the outbox after `from` up to `to`, marked by `Precedence`; but for first versions of types that no
 * listener wants, which are most events of a busy line.
 */
export interface Batch {
  from: Position;
  to: Position;
  entries: readonly OutboxEntry[];
  /** Topics of which something may have been left out. */
  leftOut: readonly Topic[];
}

export interface TailOptions {
  db: Database;
  /** The longest time until another process's event is seen; 100. */
  pollMs?: number;
  log?: { warn(fields: object, message: string): void };
}

/** The types that a listener wants now. */
export type Wants = () => readonly EventType[];

/** One reader of new events a process, however many groups and listeners it has. Idle it costs one small query each 100 ms. */
export interface Tail {
  /** Everything before this was given to the listeners of its time. */
  position(): Position;
  /** `wants` is asked before each batch: the types without whose first versions this listener can do are left out where all can; not given, none are. */
  listen(fn: (batch: Batch) => void, wants?: Wants): () => void;
  /** An event was committed here: look now. */
  wake(): void;
  /** Begins at what is committed now. May be called by several users; `stop` counts them. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

const LIMIT = 500;
/** Records whose last version is remembered for all groups: some 1.5 MiB. */
const REMEMBERED = 10_000;
/** Under load wakes come by the hundred: looks are at least this far apart and bring a batch each. */
const SPACING_MS = 10;

const isSubset = (some: readonly EventType[], of: readonly EventType[]): boolean => some.every((type) => of.includes(type));

export function openTail({ db, pollMs = 100, log }: TailOptions): Tail {
  let position = START;
  let users = 0;
  let woken = false;
  let rouse: (() => void) | undefined;
  let loop: Promise<void> | undefined;
  let starting: Promise<void> | undefined;
  const listeners = new Map<(batch: Batch) => void, Wants>();
  const precedence = new Precedence(REMEMBERED);

  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      rouse = () => {
        clearTimeout(timer);
        resolve();
      };
    }).finally(() => {
      rouse = undefined;
    });

  function tell(batch: Batch): void {
    for (const listener of [...listeners.keys()]) {
      try {
        listener(batch);
      } catch (error) {
        log?.warn({ err: error }, 'a listener of the outbox failed');
      }
    }
  }

  function unwanted(): EventType[] {
    const wanted = new Set([...listeners.values()].flatMap((wants) => wants()));
    return EVENT_TYPES.filter((type) => !wanted.has(type));
  }

  async function look(): Promise<{ full: boolean; beyond: boolean }> {
    const left = unwanted();
    const { entries, horizon, beyond, reached, leftOut } = await readTail(db, position, LIMIT, left);
    const full = reached !== undefined;
    // Somebody came to want more while it was read: from here on, so it is read again.
    if (!isSubset(left, unwanted())) return { full: true, beyond };
    const to = reached ?? horizon;
    if (compare(to, position) > 0) {
      const from = position;
      position = to;
      precedence.mark(entries);
      tell({ from, to, entries, leftOut: leftOut === 0 ? [] : left.map((type) => TOPIC_OF[type]) });
    }
    return { full, beyond };
  }

  async function run(): Promise<void> {
    let failing = false;
    let soon = SPACING_MS;
    while (users > 0) {
      woken = false;
      const began = performance.now();
      try {
        const { full, beyond } = await look();
        failing = false;
        if (full) continue;
        // Committed but still hidden by an older transaction: look sooner, less and less so while it stays open.
        soon = beyond ? Math.min(soon * 2, pollMs) : SPACING_MS;
        if (!woken) await pause(beyond ? soon : pollMs);
        const rest = SPACING_MS - (performance.now() - began);
        if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest));
      } catch (error) {
        if (!failing) log?.warn({ err: error }, 'the outbox cannot be read');
        failing = true;
        await pause(500);
      }
    }
  }

  return {
    position: () => position,
    listen(fn, wants = () => EVENT_TYPES) {
      listeners.set(fn, wants);
      return () => listeners.delete(fn);
    },
    wake() {
      woken = true;
      rouse?.();
    },
    async start() {
      users += 1;
      starting ??= (async () => {
        const { horizon } = await readAll(db, { xid: 9_000_000_000_000_000_000n, seq: 0 }, 1);
        position = horizon;
        loop = run();
      })().catch((error: unknown) => {
        users -= 1;
        starting = undefined;
        throw error;
      });
      await starting;
    },
    async stop() {
      if (users === 0) return;
      users -= 1;
      if (users > 0) return;
      rouse?.();
      await loop;
      starting = undefined;
    },
  };
}
