import type { Database } from '../db/database.ts';
import { type OutboxEntry, readTail } from './outbox-reader.ts';
import { compare, type Position, START } from './position.ts';
import { Precedence } from './precedence.ts';

/** What the tail has just read: everything of the outbox after `from` up to `to`, marked by `Precedence`. */
export interface Batch {
  from: Position;
  to: Position;
  entries: readonly OutboxEntry[];
}

export interface TailOptions {
  db: Database;
  /** The longest time until another process's event is seen; 100. */
  pollMs?: number;
  log?: { warn(fields: object, message: string): void };
}

/** One reader of new events a process, however many groups and listeners it has. Idle it costs one small query each 100 ms. */
export interface Tail {
  /** Everything before this was given to the listeners of its time. */
  position(): Position;
  listen(fn: (batch: Batch) => void): () => void;
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

export function openTail({ db, pollMs = 100, log }: TailOptions): Tail {
  let position = START;
  let users = 0;
  let woken = false;
  let rouse: (() => void) | undefined;
  let loop: Promise<void> | undefined;
  let starting: Promise<void> | undefined;
  const listeners = new Set<(batch: Batch) => void>();
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
    for (const listener of [...listeners]) {
      try {
        listener(batch);
      } catch (error) {
        log?.warn({ err: error }, 'a listener of the outbox failed');
      }
    }
  }

  async function look(): Promise<{ full: boolean; beyond: boolean }> {
    const { entries, horizon, beyond } = await readTail(db, position, LIMIT);
    const last = entries.at(-1)?.position;
    const full = entries.length === LIMIT;
    const to = full && last ? last : horizon;
    if (compare(to, position) > 0) {
      const from = position;
      position = to;
      precedence.mark(entries);
      tell({ from, to, entries });
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
    listen(fn) {
      listeners.add(fn);
      return () => listeners.delete(fn);
    },
    wake() {
      woken = true;
      rouse?.();
    },
    async start() {
      users += 1;
      starting ??= (async () => {
        const { horizon } = await readTail(db, { xid: 9_000_000_000_000_000_000n, seq: 0 }, 1);
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
