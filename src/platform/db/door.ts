import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CompiledQuery, type Kysely, type Transaction as KyselyTransaction } from 'kysely';
import { ProblemError } from '../problem.ts';
import { type Cause, type Decided, type Recording, Replayed } from './change.ts';
import type { Database } from './database.ts';
import { isRetryable } from './faults.ts';
import { buildStatement, type Shapes, slotOf, type Writes } from './statement.ts';
import { prepared } from './watched-client.ts';

export * from './change.ts';
export type Transaction<T> = KyselyTransaction<T>;

/** The one door for change: rows, events, audit entries and keys go into the database together, or not at all. */
export interface Door {
  /**
   * One transaction: idempotency look-up, `work`, then events, audit and key, COMMIT, wake the bus. `work` locks what exists with
   * SELECT ... FOR UPDATE (keys sorted) BEFORE its first write. Events of one record leave the outbox in the order of its commits: a change that
   * would break that (see `OutOfOrder`) is rolled back and run again, as are 40001 and 40P01, so `work` must have no effect outside `tx`.
   * @throws Replayed when the key was used with the same request; ProblemError idempotency_in_progress, idempotency_mismatch,
   * database_unavailable, overloaded; whatever `work` throws, with everything rolled back. SQL errors such as 23505 pass as they are.
   */
  change<T, R>(cause: Cause, work: (tx: Transaction<T>) => Promise<Decided<R>>): Promise<R>;
  /** The same for a consumer's effect: 'already' when the group's inbox says that this event was applied before. */
  changeOnce<T, R>(
    cause: Cause & { inbox: { group: string; eventId: string } },
    work: (tx: Transaction<T>) => Promise<Decided<R>>,
  ): Promise<R | 'already'>;
  /**
   * Append-only creation in one SQL statement, in autocommit when there is no key to look up. With an inbox key an event that was applied before
   * writes nothing.
   */
  record(cause: Cause, recording: Recording): Promise<void>;
}

export interface DoorOptions {
  db: Database;
  /** `source_service` of every event. */
  source: string;
  /** Called after each commit that wrote an event. */
  wake?: () => void;
}

const RETRIES = 3;
/** Runs of a change that would tell of a record out of order; from the second on they queue for the record, so few are needed. */
const ORDER_RETRIES = 20;

/** Two statements on purpose: the look-up takes its snapshot after the lock is held, so it sees what the last holder committed. */
const TRY_LOCK = prepared('door_lock', 'select pg_try_advisory_xact_lock($1::bigint) as got');
/** Whoever waits here has no transaction id yet. */
const QUEUE = prepared('door_queue', 'select pg_advisory_xact_lock(hashtextextended(record, 7)) from unnest($1::text[]) as record');
const FIND_KEY = prepared(
  'door_key',
  `select request_hash, status, location, body from platform.idempotency
   where caller = $1 and key = $2 and created_at > now() - interval '8 days' order by created_at desc limit 1`,
);
const FIND_EVENT = prepared('door_inbox', 'select 1 from platform.inbox where slot = $1 and consumer_group = $2 and event_id = $3');

/**
 * Thrown inside a transaction whose number is lower than that of one which changed the same record before it. PostgreSQL gives a session that
 * waits behind two others for a row its number while it still waits (18.4 and 15: heap_lock_updated_tuple), so FOR UPDATE alone does not keep
 * numbers in the order of commits.
 */
class OutOfOrder extends Error {
  readonly records: readonly string[];
  constructor(writes: Writes) {
    super('out of order');
    this.records = [...new Set(writes.events.map(({ aggregate }) => `${aggregate.type}:${aggregate.id}`))].sort();
  }
}

/** Thrown inside a transaction to roll it back when the inbox row turns out to be there. */
class AlreadyApplied extends Error {}

interface KeyRow {
  request_hash: string;
  status: number;
  location: string | null;
  body: string;
}

type AnyTransaction = Transaction<unknown>;

async function ask<Row>(tx: AnyTransaction, text: string, values: unknown[]): Promise<Row[]> {
  return (await tx.executeQuery<Row>(CompiledQuery.raw(text, values))).rows;
}

/** Holds (caller, key) until the transaction ends, and judges an earlier use. */
async function enter(tx: AnyTransaction, { caller, key, requestHash }: NonNullable<Cause['idempotency']>): Promise<void> {
  const hash = createHash('sha256').update(`${caller.length}:${caller}${key}`).digest().readBigInt64BE(0);
  const [lock] = await ask<{ got: boolean }>(tx, TRY_LOCK, [hash.toString()]);
  if (!lock?.got) throw new ProblemError('idempotency_in_progress', { retryAfter: 1 });
  const [found] = await ask<KeyRow>(tx, FIND_KEY, [caller, key]);
  if (!found) return;
  if (found.request_hash !== requestHash) throw new ProblemError('idempotency_mismatch');
  const answer = { status: found.status, ...(found.location === null ? {} : { location: found.location }), body: JSON.parse(found.body) };
  throw new Replayed(answer, found.body);
}

export function openDoor({ db, source, wake }: DoorOptions): Door {
  const shapes: Shapes = new Map();
  const kysely = db.kysely as Kysely<unknown>;

  async function transact<R>(cause: Cause, work: (tx: AnyTransaction) => Promise<{ result: R; writes: Writes }>): Promise<R> {
    let records: readonly string[] = [];
    for (let tries = 0; ; tries += 1) {
      try {
        let told = false;
        const result = await kysely.transaction().execute(async (tx) => {
          if (records.length > 0) await ask(tx, QUEUE, [records]);
          if (cause.idempotency) await enter(tx, cause.idempotency);
          if (cause.inbox) {
            // Only looked at here: writing it now would give the transaction its id before `work` has its locks.
            const { group, eventId } = cause.inbox;
            if ((await ask(tx, FIND_EVENT, [slotOf(eventId), group, eventId])).length > 0) throw new AlreadyApplied();
          }
          const decided = await work(tx);
          const statement = buildStatement(shapes, cause, source, decided.writes);
          if (statement) {
            const [row] = await ask<{ inbox?: number; late?: number }>(tx, statement.text, statement.values);
            if (row?.late) throw new OutOfOrder(decided.writes);
            if (cause.inbox && row?.inbox === 0) throw new AlreadyApplied();
          }
          told = decided.writes.events.length > 0;
          return decided.result;
        });
        if (told) wake?.();
        return result;
      } catch (error) {
        if (error instanceof OutOfOrder && tries < ORDER_RETRIES) {
          records = error.records;
          continue;
        }
        if (error instanceof OutOfOrder) throw new ProblemError('overloaded', { retryAfter: 1, cause: error });
        if (!isRetryable(error) || tries >= RETRIES) throw error;
        await sleep(2 ** tries * 10 * (0.5 + Math.random()));
      }
    }
  }

  async function decide<T, R>(tx: AnyTransaction, work: (tx: Transaction<T>) => Promise<Decided<R>>) {
    const { result, events, audit, answer } = await work(tx as unknown as Transaction<T>);
    return { result, writes: { events, audit, answer, ordered: true } };
  }

  return {
    change: (cause, work) => transact(cause, (tx) => decide(tx, work)),

    async changeOnce(cause, work) {
      try {
        return await transact(cause, (tx) => decide(tx, work));
      } catch (error) {
        if (error instanceof AlreadyApplied) return 'already';
        throw error;
      }
    },

    async record(cause, recording) {
      if (cause.idempotency || cause.inbox) {
        await transact(cause, async () => ({ result: undefined, writes: recording })).catch((error: unknown) => {
          if (!(error instanceof AlreadyApplied)) throw error;
        });
        return;
      }
      const statement = buildStatement(shapes, cause, source, recording);
      if (!statement) return;
      for (let tries = 0; ; tries += 1) {
        const client = await db.pool.connect();
        try {
          await client.query(statement.text, statement.values);
          break;
        } catch (error) {
          if (!isRetryable(error) || tries >= RETRIES) throw error;
        } finally {
          client.release();
        }
      }
      if (recording.events.length > 0) wake?.();
    },
  };
}
