import { createHash } from 'node:crypto';
import { CompiledQuery } from 'kysely';
import type pg from 'pg';
import { isUuidv7, millisOfId } from '../id.ts';
import { ProblemError } from '../problem.ts';
import { type Cause, Replayed } from './change.ts';
import { prepared } from './watched-client.ts';

/** Days of the ring of keys and inbox (migration 0001): `slot` = day since 1970 modulo 12. */
export const SLOTS = 12;
const DAY_MS = 86_400_000;
/** An answer counts this long: the contract promises 7 days. */
export const KEPT_DAYS = 8;

export type Key = NonNullable<Cause['idempotency']>;

export interface KeyRow {
  caller: string;
  key: string;
  request_hash: string;
  status: number;
  location: string | null;
  body: string;
}

const daySlot = (millis: number): number => Math.floor(millis / DAY_MS) % SLOTS;

/** The inbox slot of an event: the day in its id (UUIDv7), so that a second delivery looks in the same place. */
export const slotOf = (eventId: string): number => daySlot(millisOfId(eventId));

/**
 * Where a key is kept, and whether a first use can be told by the unique index of that place alone.
 *
 * A unique index holds within one slot only. A UUIDv7 names its own day, so every use of it within two days looks in the same slot, whatever
 * midnight lies between, and up to a day no other slot can hold it: `alone`. Any other key is kept under the day of its use, behind an advisory
 * lock and a look into all slots. Between one and two days both hold, so that a use in each way at the same moment still meets in one slot.
 * @throws ProblemError validation_error for a UUIDv7 more than a day ahead of this clock: its day cannot be promised yet
 */
export function placeOfKey(key: string, now = Date.now()): { slot: number; alone: boolean } {
  if (key.length !== 36 || !isUuidv7(key)) return { slot: daySlot(now), alone: false };
  const millis = millisOfId(key);
  const age = now - millis;
  if (age < -DAY_MS)
    throw new ProblemError('validation_error', {
      details: [
        {
          field: 'header -> idempotency-key',
          message: 'The time in this UUIDv7 is more than a day ahead: set the clock of its maker',
          constraint: 'clock',
        },
      ],
    });
  return age < 2 * DAY_MS ? { slot: daySlot(millis), alone: age < DAY_MS } : { slot: daySlot(now), alone: false };
}

/** Two statements on purpose: the look-up takes its snapshot after the locks are held, so it sees what the last holder committed. */
const TRY_LOCKS = prepared(
  'door_locks',
  'select n, pg_try_advisory_xact_lock(h) as got from unnest($1::bigint[]) with ordinality as x(h, n)',
);
/** Nested loop over the slots that may hold a key, each a unique index: a primary key look-up in at most 12 small trees. */
const FIND_KEYS = prepared(
  'door_keys',
  `select x.caller, x.key, i.request_hash, i.status, i.location, i.body
   from unnest($1::text[], $2::text[]) as x(caller, key)
   cross join lateral (select * from platform.idempotency i where i.caller = x.caller and i.key = x.key
     and i.created_at > now() - interval '${KEPT_DAYS} days' order by i.created_at desc limit 1) i`,
);

/** How a statement is sent: within a transaction of kysely, or on a client. */
export type Ask = <Row>(text: string, values: unknown[]) => Promise<Row[]>;
export const askOn =
  (client: pg.PoolClient): Ask =>
  async <Row>(text: string, values: unknown[]) =>
    (await client.query(text, values)).rows as Row[];
export const askIn =
  (tx: { executeQuery(query: CompiledQuery): Promise<{ rows: unknown[] }> }): Ask =>
  async <Row>(text: string, values: unknown[]) =>
    (await tx.executeQuery(CompiledQuery.raw(text, values))).rows as Row[];

export const nameOfKey = ({ caller, key }: { caller: string; key: string }): string => `${caller.length}:${caller}${key}`;

/** Tries to hold each key until the transaction ends. @returns for each key whether it is held */
export async function holdKeys(ask: Ask, keys: readonly Key[]): Promise<boolean[]> {
  const hashes = keys.map((key) => createHash('sha256').update(nameOfKey(key)).digest().readBigInt64BE(0).toString());
  const rows = await ask<{ n: number; got: boolean }>(TRY_LOCKS, [hashes]);
  const held = new Array<boolean>(keys.length).fill(false);
  for (const { n, got } of rows) held[n - 1] = got;
  return held;
}

/** Earlier uses, by `nameOfKey`. */
export async function findKeys(ask: Ask, keys: readonly Key[]): Promise<Map<string, KeyRow>> {
  const rows = await ask<KeyRow>(FIND_KEYS, [keys.map(({ caller }) => caller), keys.map(({ key }) => key)]);
  return new Map(rows.map((row) => [nameOfKey(row), row]));
}

export const inProgress = (): ProblemError => new ProblemError('idempotency_in_progress', { retryAfter: 1 });

/** What a second use of a key is told. */
export function judgeUse(key: Key, found: KeyRow): ProblemError | Replayed {
  if (found.request_hash !== key.requestHash) return new ProblemError('idempotency_mismatch');
  const answer = { status: found.status, ...(found.location === null ? {} : { location: found.location }), body: JSON.parse(found.body) };
  return new Replayed(answer, found.body);
}
