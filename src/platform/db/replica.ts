import { setTimeout as sleep } from 'node:timers/promises';
import { withDeadline } from '../telemetry/deadline.ts';
import { type Database, type DatabaseOptions, openDatabase, prepared, type Reads, reads } from './database.ts';
import { isAway, isRetryable } from './faults.ts';

/** Who reads: somebody who may change something must see their own changes. */
export interface Reader {
  readonly scopes: ReadonlySet<string>;
}

/** Where lists and reports are read from: `work` gets the replica or the primary, and may run a second time, on the primary, when the replica fails. */
export type ListReads = <T, R>(reader: Reader, work: (on: Reads<T>) => Promise<R>) => Promise<R>;

/** Without a replica. */
export function primaryReads(db: Database): ListReads {
  return <T, R>(_reader: Reader, work: (on: Reads<T>) => Promise<R>) => work(reads<T>(db));
}

export interface Replica {
  readonly lists: ListReads;
  /** How far it is behind, for health and metrics: null when it is well, else what is wrong with it. */
  fault(): string | null;
  /** Milliseconds behind the primary; while it is away, since it was last known to be level. */
  lagMs(): number;
  close(): Promise<void>;
}

export interface ReplicaOptions {
  primary: Database;
  /** The replica's address, and a pool of its own. `statementTimeoutMs` bounds a list. */
  replica: DatabaseOptions;
  /** Behind by more than this it is not read. */
  maxLagMs: number;
  /** After each read: where it was answered. */
  observe?: (source: 'replica' | 'primary') => void;
  log?: { warn(fields: object, message: string): void; info(fields: object, message: string): void };
}

const POLL_MS = 500;
/** Longest time that who may write waits for the replica to reach the present; after it the primary answers. */
const CATCH_UP_MS = 100;
const ASK_LIMIT_MS = 1000;
/** Positions of the primary that the replica has not reached, to tell since when: the oldest are kept. */
const SAMPLES = 256;
const SPACING_MS = 50;

const WRITTEN = prepared('replica_written', 'select pg_current_wal_flush_lsn()::text as lsn');
const REPLAYED = prepared('replica_replayed', 'select pg_last_wal_replay_lsn()::text as lsn');

/** `16/B374D848` -> a number that grows with the log. */
function positionOf(lsn: string | null): bigint {
  const [high = '0', low = '0'] = (lsn ?? '0/0').split('/');
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

/** Whoever asks while an answer is on its way shares the next one: it is then from after they asked. */
function sharedNext<T>(ask: () => Promise<T>): () => Promise<T> {
  let now: Promise<T> | null = null;
  let next: Promise<T> | null = null;
  const start = (): Promise<T> => {
    const asked = ask().finally(() => {
      if (now === asked) now = null;
    });
    now = asked;
    return asked;
  };
  return () => {
    if (now === null) return start();
    next ??= now
      .catch(() => {})
      .then(() => {
        next = null;
        return start();
      });
    return next;
  };
}

const mayWrite = (reader: Reader): boolean => {
  for (const scope of reader.scopes) if (!scope.endsWith(':read')) return true;
  return false;
};

/**
 * A streaming replica for lists. What is promised: who may write anything reads nothing older than the moment of asking: the primary is asked how far its
 * log is (one tiny question for all who ask at the same time), and the replica answers only once it has replayed that, else the primary does. So a
 * client reads its own writes, through whichever process either went, without anything shared between processes. Who may only read gets what is at
 * most `maxLagMs` old. While the replica is away, too far behind or no replica at all, the primary answers.
 */
export function openReplica({ primary, replica: options, maxLagMs, observe, log }: ReplicaOptions): Replica {
  const replica = openDatabase(options);
  const samples: { at: number; position: bigint }[] = [];
  let replayed = 0n;
  let levelAt = performance.now();
  let toldAt = levelAt;
  let heardAt = levelAt;
  let wrong: string | null = 'not asked yet';

  const written = sharedNext(async () => {
    const at = performance.now();
    const { rows } = await primary.pool.query<{ lsn: string }>(WRITTEN);
    const position = positionOf(rows[0]?.lsn ?? null);
    const last = samples.at(-1);
    toldAt = at;
    if (position <= replayed) levelAt = at;
    else if (samples.length < SAMPLES && (last === undefined || (position > last.position && at - last.at >= SPACING_MS)))
      samples.push({ at, position });
    return position;
  });
  const replay = sharedNext(async () => {
    const { rows } = await replica.pool.query<{ lsn: string | null }>(REPLAYED);
    const lsn = rows[0]?.lsn ?? null;
    heardAt = performance.now();
    if (lsn === null) return tell('it is no replica');
    // As it is said now, not the highest that was heard: one that is back from a crash begins a little before where it had been.
    replayed = positionOf(lsn);
    while (samples[0] && samples[0].position <= replayed) levelAt = Math.max(levelAt, (samples.shift() as { at: number }).at);
    tell(null);
  });

  function tell(found: string | null, err?: unknown): void {
    if (found !== wrong && (found === null || wrong === null))
      log?.info({ replica: found ?? 'well', ...(err === undefined ? {} : { err }) }, 'replica_state');
    wrong = found;
  }

  /**
   * The oldest position that is still missing says since when it is behind. While either server is not heard, it may be behind by all the time since.
   */
  function lagMs(): number {
    const now = performance.now();
    const silent = (since: number) => (now - since > ASK_LIMIT_MS + POLL_MS ? now - since : 0);
    return Math.max(samples[0] === undefined ? 0 : now - samples[0].at, silent(toldAt), silent(heardAt) && now - levelAt);
  }
  const fault = (): string | null => wrong ?? (lagMs() > maxLagMs ? `${(lagMs() / 1000).toFixed(1)} s behind` : null);

  async function poll(): Promise<void> {
    await withDeadline(written(), ASK_LIMIT_MS).catch(() => {});
    await withDeadline(replay(), ASK_LIMIT_MS).catch((error: unknown) => tell('it does not answer', error));
  }
  let polling = poll();
  let stopped = false;
  const timer = setInterval(() => {
    polling = polling.then(() => (stopped ? undefined : poll()));
  }, POLL_MS);
  timer.unref();

  /** Whether the replica shows everything that was committed when this was called. */
  async function isLevel(): Promise<boolean> {
    // One that is behind by more would be waited for in vain.
    if (lagMs() > CATCH_UP_MS + POLL_MS) return false;
    const wanted = await written();
    const end = performance.now() + CATCH_UP_MS;
    while (replayed < wanted) {
      const left = end - performance.now();
      if (left <= 0) return false;
      await Promise.race([replay().catch(() => {}), sleep(left)]);
      if (wrong !== null) return false;
      if (replayed < wanted) await sleep(2);
    }
    return true;
  }

  const lists: ListReads = async <T, R>(reader: Reader, work: (on: Reads<T>) => Promise<R>): Promise<R> => {
    if (fault() === null && (!mayWrite(reader) || (await isLevel()))) {
      try {
        const result = await work(reads<T>(replica));
        observe?.('replica');
        return result;
      } catch (error) {
        // Gone, or a row that it was reading had to make room for what the primary sent (40001).
        if (isAway(error)) tell(error instanceof Error ? error.message : 'gone');
        else if (!isRetryable(error)) throw error;
        log?.warn({ err: error }, 'replica_read_failed');
      }
    }
    observe?.('primary');
    return work(reads<T>(primary));
  };

  return {
    lists,
    fault,
    lagMs,
    async close() {
      stopped = true;
      clearInterval(timer);
      await polling;
      await replica.close();
    },
  };
}
