import type { Database } from './database.ts';
import { SLOTS } from './idempotency.ts';
import { tendTimeTables } from './partitions.ts';

/** Events are kept at least this long, and until every group is past them. */
const KEEP = '7 days';
const PIECE = 5_000;
/** A group that nobody has served for so long (its code is gone) holds nothing back. One that is living is served, also while it stands still. */
const FORGOTTEN = '30 days';
const LOCK = 7_226_013_002;
/**
 * Slots of each ring by their age in days. A key is kept in the slot of its own day up to two days later, so its slot has to stay two days longer. An
 * inbox slot that was still needed is looked at again on the days after.
 */
const INBOX = 'platform.inbox';
const EMPTIED = [
  [INBOX, 8],
  [INBOX, 9],
  [INBOX, 10],
  ['platform.idempotency', 10],
] as const;
/** Longest statement of housekeeping: no request waits for it. */
const STATEMENT_LIMIT = '60s';

/*
 * Only the oldest piece is looked at: the outbox goes in order, and a group that stands still holds back what is behind it too. `occurred_at` is
 * the program's clock, so the server's is taken with a margin of the days that are kept.
 */
const TRIM = `with old as (
    select xid, seq, topic, partition, occurred_at from platform.outbox
    where xid < pg_snapshot_xmin(pg_current_snapshot()) order by xid, seq limit ${PIECE}
  ), gone as (
    delete from platform.outbox o using old
    where o.xid = old.xid and o.seq = old.seq and old.occurred_at < now() - interval '${KEEP}'
      and not exists (
        select 1 from platform.bus_position p
        where p.topic = old.topic and p.partition = old.partition and (p.xid, p.seq) < (old.xid, old.seq)
          and (not $1 or p.updated_at > now() - interval '${FORGOTTEN}'
            or exists (select 1 from platform.bus_member m where m.owner = p.owner and m.lease_until > now())))
    returning o.xid, o.seq
  ), last as (select xid, seq from gone order by xid desc, seq desc limit 1), noted as (
    update platform.outbox_trim t set xid = last.xid, seq = last.seq from last where (t.xid, t.seq) < (last.xid, last.seq)
  )
  select count(*)::int as n from gone`;

/* Events that stand in the outbox may be delivered again, also after the platform was off for a week: what tells that they were is kept as long. */
const STILL_NEEDED = `select 1 from (select occurred_at from platform.outbox order by xid, seq limit 1) oldest
  where oldest.occurred_at < to_timestamp($1::bigint * 86400)`;

export interface MaintainOptions {
  /** Pieces of one round. */
  pieces?: number;
  /** False: also a group that nobody has served for long holds its events, because who serves it may be about to start. */
  forget?: boolean;
}

export interface Maintained {
  /** Outbox rows removed. */
  trimmed: number;
  /** Slots of inbox and idempotency keys emptied. */
  emptied: number;
  /** Months made ahead for the tables that are cut by time. */
  made: number;
}

/**
 * One round of housekeeping: removes old events in pieces of 5,000 (each its own transaction: a long one would hold back every reader), and empties the
 * slots of the rings that are old enough, and makes the coming months of the tables that are cut by time. Of several processes one does it. Emptying
 * waits 0.2 s for its lock at most, or leaves it for next time.
 */
export async function maintain(db: Database, { pieces = 200, forget = true }: MaintainOptions = {}): Promise<Maintained> {
  const client = await db.pool.connect();
  let lost: Error | undefined;
  try {
    const { rows } = await client.query<{ got: boolean }>('select pg_try_advisory_lock($1) as got', [LOCK]);
    if (!rows[0]?.got) return { trimmed: 0, emptied: 0, made: 0 };
    await client.query(`set statement_timeout = '${STATEMENT_LIMIT}'`);
    // First: a row that finds no month is only caught by the net.
    const made = await tendTimeTables(client);
    let trimmed = 0;
    for (let piece = 0; piece < pieces; piece += 1) {
      const n = (await client.query<{ n: number }>(TRIM, [forget])).rows[0]?.n ?? 0;
      trimmed += n;
      if (n < PIECE) break;
    }
    let emptied = 0;
    const { rows: day } = await client.query<{ today: number }>('select floor(extract(epoch from now()) / 86400)::int as today');
    for (const [ring, age] of EMPTIED) {
      const then = (day[0]?.today ?? 0) - age;
      const table = `${ring}_${then % SLOTS}`;
      const { rowCount } = await client.query(`select 1 from ${table} limit 1`);
      if (!rowCount) continue;
      if (ring === INBOX && (await client.query(STILL_NEEDED, [then + 1])).rowCount) continue;
      try {
        await client.query(`begin; set local lock_timeout = '200ms'; truncate ${table}; commit`);
        emptied += 1;
      } catch {
        await client.query('rollback');
      }
    }
    await client.query('reset statement_timeout');
    await client.query('select pg_advisory_unlock($1)', [LOCK]);
    return { trimmed, emptied, made };
  } catch (error) {
    lost = error as Error;
    throw error;
  } finally {
    // A lock of the session must not go back into the pool with it.
    client.release(lost);
  }
}

/** Runs `maintain` now and every ten minutes. The first round forgets no group: after 30 days off, those who serve them are just starting as well. */
export function startMaintenance(
  db: Database,
  log?: { warn(fields: object, message: string): void },
  everyMs = 600_000,
): { stop(): Promise<void> } {
  let running: Promise<unknown> = Promise.resolve();
  const round = (forget: boolean) => {
    running = maintain(db, { forget }).catch((error: unknown) => log?.warn({ err: error }, 'housekeeping of the database failed'));
  };
  round(false);
  const timer = setInterval(() => round(true), everyMs);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
