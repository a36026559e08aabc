import { setTimeout as sleep } from 'node:timers/promises';
import { CompiledQuery, type Kysely, type Transaction as KyselyTransaction } from 'kysely';
import { ProblemError } from '../problem.ts';
import type { Cause, Decided, Recording } from './change.ts';
import type { Database } from './database.ts';
import { isRetryable } from './faults.ts';
import type { GroupLimits } from './group-commit.ts';
import { askIn, findKeys, holdKeys, inProgress, judgeUse, type Key, nameOfKey, placeOfKey, slotOf } from './idempotency.ts';
import { openRecordings } from './recordings.ts';
import { buildStatement, type Outcome, type Shapes, type Writes } from './statement.ts';
import { prepared } from './watched-client.ts';

export * from './change.ts';
export { JsonOnce } from './json-once.ts';
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
   * Append-only creation, written with whatever else is recorded at the same moment in one statement and one commit (`group-commit.ts`), and answered
   * after it. A fault of one recording is its own. With an inbox key an event that was applied before writes nothing.
   * @throws Replayed, SequenceTaken, ProblemError as `change`, and the SQL error of its own rows
   */
  record(cause: Cause, recording: Recording): Promise<void>;
  /** Recordings that wait for their commit. */
  readonly waiting: number;
}

export interface DoorOptions {
  db: Database;
  /** `source_service` of every event. */
  source: string;
  /** Called after each commit that wrote an event. */
  wake?: () => void;
  /** Of the group commit. */
  limits?: Partial<GroupLimits>;
}

const RETRIES = 3;
/** Runs of a change that would tell of a record out of order; from the second on they queue for the record, so few are needed. */
const ORDER_RETRIES = 20;

/** Whoever waits here has no transaction id yet. */
const QUEUE = prepared('door_queue', 'select pg_advisory_xact_lock(hashtextextended(record, 7)) from unnest($1::text[]) as record');
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

/** Thrown inside a transaction whose key was used by a recording after the look: the next look finds it. */
class KeyTaken extends Error {}

type AnyTransaction = Transaction<unknown>;

async function ask<Row>(tx: AnyTransaction, text: string, values: unknown[]): Promise<Row[]> {
  return (await tx.executeQuery<Row>(CompiledQuery.raw(text, values))).rows;
}

/** Holds the key until the transaction ends, and judges an earlier use. */
async function enter(tx: AnyTransaction, key: Key): Promise<void> {
  const [got] = await holdKeys(askIn(tx), [key]);
  if (!got) throw inProgress();
  const found = (await findKeys(askIn(tx), [key])).get(nameOfKey(key));
  if (found) throw judgeUse(key, found);
}

export function openDoor({ db, source, wake, limits }: DoorOptions): Door {
  const shapes: Shapes = new Map();
  const recordings = openRecordings({ db, source, shapes, wake: () => wake?.(), ...(limits ? { limits } : {}) });
  const kysely = db.kysely as Kysely<unknown>;

  async function transact<R>(
    cause: Cause,
    ordered: boolean,
    work: (tx: AnyTransaction) => Promise<{ result: R; writes: Writes }>,
  ): Promise<R> {
    const keySlot = cause.idempotency ? { keySlot: placeOfKey(cause.idempotency.key).slot } : {};
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
          // Its time was over while it worked: by now the event may be parked, and later ones of its key applied.
          cause.inbox?.signal?.throwIfAborted();
          const statement = buildStatement(shapes, source, [{ cause, writes: decided.writes, ...keySlot }], { ordered });
          if (statement) {
            const [row] = await ask<Outcome>(tx, statement.text, statement.values);
            if (row?.late) throw new OutOfOrder(decided.writes);
            if (row?.refused) throw new KeyTaken();
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
        if (error instanceof KeyTaken && tries >= RETRIES) throw inProgress();
        if (!(error instanceof KeyTaken || isRetryable(error)) || tries >= RETRIES) throw error;
        await sleep(2 ** tries * 10 * (0.5 + Math.random()));
      }
    }
  }

  async function decide<T, R>(tx: AnyTransaction, work: (tx: Transaction<T>) => Promise<Decided<R>>) {
    const { result, events, audit, answer } = await work(tx as unknown as Transaction<T>);
    return { result, writes: { events, audit, answer } };
  }

  return {
    change: (cause, work) => transact(cause, true, (tx) => decide(tx, work)),

    async changeOnce(cause, work) {
      try {
        return await transact(cause, true, (tx) => decide(tx, work));
      } catch (error) {
        if (error instanceof AlreadyApplied) return 'already';
        throw error;
      }
    },

    async record(cause, recording) {
      if (!cause.inbox) return recordings.record(cause, recording);
      await transact(cause, false, async () => ({ result: undefined, writes: recording })).catch((error: unknown) => {
        if (!(error instanceof AlreadyApplied)) throw error;
      });
    },
    get waiting() {
      return recordings.waiting;
    },
  };
}
