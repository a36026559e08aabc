import type pg from 'pg';
import { type Cause, type Recording, type RecordingRows, SequenceTaken } from './change.ts';
import type { Database } from './database.ts';
import { type GroupLimits, openGroupCommit } from './group-commit.ts';
import { askOn, findKeys, holdKeys, inProgress, judgeUse, type Key, nameOfKey, placeOfKey } from './idempotency.ts';
import { JsonOnce } from './json-once.ts';
import { buildStatement, type Member, type Outcome, type Shapes } from './statement.ts';

/** Commits recordings in groups. */
export interface Recordings {
  /** @throws as `Door.record` says */
  record(cause: Cause, recording: Recording): Promise<void>;
  readonly waiting: number;
}

export interface RecordingsOptions {
  db: Database;
  source: string;
  shapes: Shapes;
  /** Called after each commit that wrote an event. */
  wake: () => void;
  limits?: Partial<GroupLimits>;
}

class Entry implements Member {
  readonly cause: Cause;
  readonly writes: Recording;
  readonly keySlot?: number;
  readonly promise: Promise<void>;
  settled = false;
  #resolve!: () => void;
  #reject!: (error: unknown) => void;
  readonly #after: (() => void) | undefined;
  constructor(cause: Cause, writes: Recording, keySlot?: number, after?: () => void) {
    this.cause = cause;
    this.writes = writes;
    this.#after = after;
    if (keySlot !== undefined) this.keySlot = keySlot;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }
  done(): void {
    this.settled = true;
    this.#after?.();
    this.#resolve();
  }
  fail(error: unknown): void {
    this.settled = true;
    this.#after?.();
    this.#reject(error);
  }
  get key(): Key {
    return this.cause.idempotency as Key;
  }
}

/** Bytes of a row whose text is not made yet: only the bound of a group depends on it. */
const USUAL_ROW = 512;

function sizeOf({ rows }: Recording): { weight: number; bytes: number } {
  let weight = 0;
  let bytes = 0;
  for (const { values } of rows)
    for (const value of values) {
      weight += 1;
      bytes += value instanceof JsonOnce ? value.text.length : USUAL_ROW;
    }
  return { weight: Math.max(1, weight), bytes: Math.max(USUAL_ROW, bytes) };
}

export function openRecordings({ db, source, shapes, wake, limits = {} }: RecordingsOptions): Recordings {
  /** Keys of this process's requests that are not answered yet. */
  const held = new Set<string>();

  /** Writes a group and tells those that were left out why; answers with those that were written. */
  async function write(client: pg.PoolClient, entries: readonly Entry[]): Promise<{ written: Entry[]; refused: () => Promise<void> }> {
    const statement = buildStatement(shapes, source, entries, { ordered: false });
    if (!statement) return { written: [...entries], refused: async () => undefined };
    const { rows } = await client.query<Outcome>(statement.text, statement.values);
    const refusals = rows[0]?.refused;
    if (!refusals) return { written: [...entries], refused: async () => undefined };
    const byKey = new Set<Entry>();
    const bySequence = new Map<Entry, Map<number, number>>();
    const places = placesOfSequence(entries);
    for (const { _m: m, row, last } of refusals) {
      const entry = entries[m] as Entry;
      if (row === null) byKey.add(entry);
      else {
        const lasts = bySequence.get(entry) ?? new Map<number, number>();
        bySequence.set(entry, lasts.set(row - 1 - (places[m] ?? 0), last ?? 0));
      }
    }
    return {
      written: entries.filter((entry) => !byKey.has(entry) && !bySequence.has(entry)),
      async refused() {
        for (const [entry, lasts] of bySequence) entry.fail(new SequenceTaken(lasts));
        if (byKey.size === 0) return;
        const found = await findKeys(
          askOn(client),
          [...byKey].map(({ key }) => key),
        );
        for (const entry of byKey) {
          const use = found.get(nameOfKey(entry.key));
          entry.fail(use ? judgeUse(entry.key, use) : inProgress());
        }
      },
    };
  }

  function told(entries: readonly Entry[]): void {
    for (const entry of entries) entry.done();
    if (entries.some(({ writes }) => writes.events.length > 0)) wake();
  }

  /** One statement in autocommit: the statement is the transaction. */
  async function commitAlone(client: pg.PoolClient, entries: readonly Entry[]): Promise<void> {
    const { written, refused } = await write(client, entries);
    told(written);
    await refused();
  }

  /** Locks the keys, looks for earlier uses, writes the rest. */
  async function commitLooked(client: pg.PoolClient, entries: readonly Entry[]): Promise<void> {
    const ask = askOn(client);
    await client.query('begin');
    try {
      const keys = entries.map(({ key }) => key);
      const got = await holdKeys(ask, keys);
      const found = await findKeys(ask, keys);
      const fresh: Entry[] = [];
      for (const [index, entry] of entries.entries()) {
        const use = found.get(nameOfKey(entry.key));
        if (use) entry.fail(judgeUse(entry.key, use));
        else if (!got[index]) entry.fail(inProgress());
        else fresh.push(entry);
      }
      const { written, refused } = await write(client, fresh);
      await client.query('commit');
      told(written);
      await refused();
    } catch (error) {
      await client.query('rollback').catch(() => undefined);
      throw error;
    }
  }

  const group = (commit: (client: pg.PoolClient, entries: readonly Entry[]) => Promise<void>) =>
    openGroupCommit<Entry>({ pool: db.pool, commit, fail: (entry, error) => entry.fail(error), settled: (entry) => entry.settled, limits });
  const alone = group(commitAlone);
  const looked = group(commitLooked);

  return {
    record(cause, recording) {
      const { idempotency } = cause;
      const { weight, bytes } = sizeOf(recording);
      if (!idempotency) {
        const entry = new Entry(cause, recording);
        alone.add({ member: entry, weight, bytes });
        return entry.promise;
      }
      const { slot, alone: isAlone } = placeOfKey(idempotency.key);
      const name = nameOfKey(idempotency);
      if (held.has(name)) throw inProgress();
      held.add(name);
      const entry = new Entry(cause, recording, slot, () => held.delete(name));
      (isAlone ? alone : looked).add({ member: entry, weight, bytes });
      return entry.promise;
    },
    get waiting() {
      return alone.waiting + looked.waiting;
    },
  };
}

/** Rows of the table with a sequence that stand before each member's own. */
function placesOfSequence(entries: readonly Entry[]): number[] {
  let before = 0;
  return entries.map(({ writes }) => {
    const place = before;
    for (const rows of writes.rows as readonly RecordingRows[]) if (rows.sequence) before += rows.values.length;
    return place;
  });
}
