import type { EventType, Topic } from '../../contracts/events.ts';
import { type Database, prepared } from '../db/database.ts';
import { type Opened, openEnvelope } from './envelope.ts';
import { type Position, START } from './position.ts';

export interface OutboxEntry {
  position: Position;
  topic: Topic;
  partition: number;
  key: string;
  eventId: string;
  /** The envelope as it was written. */
  text: string;
  /** The bytes as they came, when they are no text that a database keeps (a broker carries anything). */
  raw?: Buffer;
  /** Read once, however many groups look at it: see `openedOf` and `headOf`. */
  opened?: Opened;
  head?: Head | undefined;
  /** All lower versions of its record stand before it in the outbox. Not set: that is not known (see `Precedence`). */
  follows?: boolean;
}

/** The envelope of an entry, parsed and judged at the first call. */
export function openedOf(entry: OutboxEntry): Opened {
  entry.opened ??= openEnvelope(entry.text);
  return entry.opened;
}

export interface Window {
  entries: OutboxEntry[];
  /**
   * The last place of the outbox, of whatever topic, that can be read without missing one: everything up to it is in `entries` or was before the place
   * asked for, unless the limit cut it short. Always the place of a row that was written, never just a number that no open transaction is below: a
   * PostgreSQL that dies forgets the numbers of transactions whose end had not reached its disk (nobody waits for that of one that failed), and gives
   * them out again.
   */
  horizon: Position;
  /** Something is committed that an older open transaction still hides: worth another look soon. */
  beyond: boolean;
}

/** What is asked of an event before anybody handles it. */
export interface Head {
  type: string;
  schemaVersion: number;
  traceId: string;
  aggregate: { type: string; id: string; version: number };
}

/** The beginning of an envelope as our door writes it. Texts without escapes only: with one, the whole is parsed. */
const HEAD =
  /^\{"event_id":"[0-9a-f-]{36}","event_type":"([a-z_.]+)","schema_version":(\d+),"occurred_at":"[^"\\]+","trace_id":"([0-9a-f]{32})","source_service":"[^"\\]*","site":"[^"\\]*","aggregate":\{"type":"([^"\\]+)","id":"([^"\\]+)","version":(\d+)\},/;

/**
 * The head of an event, without parsing what follows: most events are not for most groups, and a relay reads nothing else.
 * @returns undefined when it is no event that this program knows
 */
export function headOf(entry: OutboxEntry): Head | undefined {
  entry.head ??= readHead(entry);
  return entry.head;
}

function readHead(entry: OutboxEntry): Head | undefined {
  const found = entry.opened ? null : HEAD.exec(entry.text);
  if (found) {
    const [, type = '', version, traceId = '', kind = '', id = '', number] = found;
    return { type, schemaVersion: Number(version), traceId, aggregate: { type: kind, id, version: Number(number) } };
  }
  const { event } = openedOf(entry);
  return event && { type: event.event_type, schemaVersion: event.schema_version, traceId: event.trace_id, aggregate: event.aggregate };
}

interface Row {
  horizon_xid: string;
  horizon_seq: number;
  beyond: boolean | null;
  xid: string | null;
  seq: number;
  topic: Topic;
  partition: number;
  key: string;
  event_id: string;
  event: string;
}
interface TailRow extends Row {
  left_out: number;
  reached_xid: string | null;
  reached_seq: number;
}

/*
 * The horizon, the rows up to it and the look beyond come from one snapshot. Plan (18.4, 100,000 rows): Index Only Scan Backward on outbox_pkey for the
 * horizon and the look beyond, Index Scan on outbox_pkey (or outbox_lane) with both bounds as index conditions, no sort of more than the limit.
 */
const HORIZON = `(select xid, seq from ((select xid, seq from platform.outbox where xid < (select pg_snapshot_xmin(pg_current_snapshot()))
    order by xid desc, seq desc limit 1) union all select xid, seq from platform.outbox_trim) last order by xid desc, seq desc limit 1) z`;
const BEYOND = '(select n.xid >= pg_snapshot_xmin(pg_current_snapshot()) from platform.outbox n order by n.xid desc, n.seq desc limit 1)';
const text = (filter: string, limit: number) => `select h.*, o.* from
  (select z.xid::text as horizon_xid, z.seq as horizon_seq, ${BEYOND} as beyond from ${HORIZON}) h
  left join (
    select xid, seq, topic, partition, key, event_id, event::text as event from platform.outbox
    where ${filter}(xid, seq) > ($1::xid8, $2::bigint) and xid < (select pg_snapshot_xmin(pg_current_snapshot()))
    order by xid, seq limit $${limit}
  ) o on true order by o.xid, o.seq`;
const ALL = prepared('outbox_all', text('', 3));
const LANE = prepared('outbox_lane', text('topic = $3 and partition = $4 and ', 5));

/*
 * The same, but of first versions of the types in $4 only that they are there: most events are creations, and few are for anybody. The door writes the
 * type behind an id of fixed length, at character 66. `reached` is the last place that was looked at, with what was left out.
 */
const TAIL = prepared(
  'outbox_tail',
  `with page as materialized (
    select xid, seq, topic, partition, key, event_id,
      case when record is null and split_part(substring(event::text, 66, 80), '"', 1) = any($4) then null else event::text end as event
    from platform.outbox where (xid, seq) > ($1::xid8, $2::bigint) and xid < (select pg_snapshot_xmin(pg_current_snapshot()))
    order by xid, seq limit $3)
  select h.*, r.xid as reached_xid, r.seq as reached_seq, o.* from
  (select z.xid::text as horizon_xid, z.seq as horizon_seq, ${BEYOND} as beyond,
    (select count(*)::int from page) as looked_at, (select count(*)::int from page where event is null) as left_out from ${HORIZON}) h
  left join (select xid::text as xid, seq from page order by page.xid desc, page.seq desc limit 1) r on h.looked_at = $3
  left join (select * from page where event is not null) o on true order by o.xid, o.seq`,
);

export interface TailWindow extends Window {
  /** The last place that was looked at, when the limit cut it short. */
  reached: Position | undefined;
  /** How many were left out. */
  leftOut: number;
}

async function ask<R extends Row>(db: Database, sql: string, values: unknown[]): Promise<{ first: R | undefined; window: Window }> {
  const client = await db.pool.connect();
  try {
    const { rows } = await client.query<R>(sql, values);
    const [first] = rows;
    const horizon = first ? { xid: BigInt(first.horizon_xid), seq: first.horizon_seq } : START;
    const entries = rows
      .filter((row) => row.xid !== null)
      .map((row) => ({
        position: { xid: BigInt(row.xid ?? 0), seq: row.seq },
        topic: row.topic,
        partition: row.partition,
        key: row.key,
        eventId: row.event_id,
        text: row.event,
      }));
    return { first, window: { entries, horizon, beyond: first?.beyond ?? false } };
  } finally {
    client.release();
  }
}
const read = async (db: Database, sql: string, values: unknown[]): Promise<Window> => (await ask(db, sql, values)).window;

/** The next rows of the whole outbox after a place, in order, as far as they can be read without missing one. */
export function readAll(db: Database, after: Position, limit: number): Promise<Window> {
  return read(db, ALL, [after.xid.toString(), after.seq, limit]);
}

/** The same without the first versions of these types. The limit counts them. */
export async function readTail(db: Database, after: Position, limit: number, unwanted: readonly EventType[]): Promise<TailWindow> {
  const { first, window } = await ask<TailRow>(db, TAIL, [after.xid.toString(), after.seq, limit, unwanted]);
  const reached = first && first.reached_xid !== null ? { xid: BigInt(first.reached_xid), seq: first.reached_seq } : undefined;
  return { ...window, reached, leftOut: first?.left_out ?? 0 };
}

/** The same for one partition of one topic. */
export function readLane(db: Database, topic: Topic, partition: number, after: Position, limit: number): Promise<Window> {
  return read(db, LANE, [after.xid.toString(), after.seq, topic, partition, limit]);
}

/** The last place that maintenance has removed. */
export async function readTrim(db: Database): Promise<Position> {
  const { rows } = await db.pool.query<{ xid: string; seq: number }>('select xid, seq from platform.outbox_trim');
  return rows[0] ? { xid: BigInt(rows[0].xid), seq: rows[0].seq } : START;
}
