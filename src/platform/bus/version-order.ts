import { type Database, prepared } from '../db/database.ts';
import { type OutboxEntry, openedOf } from './outbox-reader.ts';

/** Rows of one lane that one look goes through; it goes on while they are younger than `REACH_MS` allows. */
const WINDOW = 5_000;
/** A transaction that wrote before ours committed cannot stand further behind us than transactions live; clocks of writers may differ by the rest. */
const REACH_MS = 120_000;

/*
 * Lower versions of the same records that stand later in the outbox, committed or not below the horizon. One row a candidate. The inner LIMIT keeps
 * it a walk along outbox_lane from the candidate on (18.4: Index Scan, rows filtered by key, then by text, then parsed); at the tip of the outbox
 * it meets the handful of rows that came since.
 */
const LATER = prepared(
  'outbox_later',
  `select c.n, w.scanned, w.reached, w.found
   from json_to_recordset($1::json) as c(n int, topic text, partition smallint, xid xid8, seq bigint, key text, type text, id text, version int)
   cross join lateral (
     select count(*)::int as scanned, max(r.occurred_at) as reached,
       json_agg(json_build_object('xid', r.xid::text, 'seq', r.seq, 'event_id', r.event_id, 'event', r.event::text) order by r.xid, r.seq)
         filter (where r.key = c.key and strpos(r.event::text, c.id) > 0 and r.event -> 'aggregate' ->> 'id' = c.id
           and r.event -> 'aggregate' ->> 'type' = c.type and (r.event -> 'aggregate' ->> 'version')::int < c.version) as found
     from (
       select o.xid, o.seq, o.key, o.event_id, o.occurred_at, o.event from platform.outbox o
       where o.topic = c.topic and o.partition = c.partition and (o.xid, o.seq) > (c.xid, c.seq)
       order by o.topic, o.partition, o.xid, o.seq limit ${WINDOW} offset $2::int) r) w`,
);

interface Found {
  n: number;
  scanned: number;
  reached: Date | null;
  found: { xid: string; seq: number; event_id: string; event: string }[] | null;
}

interface Candidate {
  entry: OutboxEntry;
  version: number;
  id: string;
  type: string;
}

/**
 * Puts what is read from the outbox into the order of versions, record by record. Transaction ids are given out before commits, so version n + 1 may stand
 * before version n. What makes it possible: if n + 1 is visible then n was committed before it, hence it is in the outbox already, somewhere later.
 * An event of version 1, and one whose predecessor went by a moment ago, is not looked up; the rest costs one statement a page.
 *
 * A reader that starts anew (its memory gone) asks more often and tells some events again, never in another order: each event it tells comes after all
 * lower versions that are at or behind its starting place, and what is before that place was told.
 */
export class VersionOrder {
  private readonly db: Database;
  private readonly remembered: number;
  /** The highest version told, by record; the least recently used are forgotten first. */
  private readonly told = new Map<string, number>();
  /** Events told before their turn; each is met again later, and left out then. */
  private readonly early = new Set<string>();

  constructor(db: Database, remembered: number) {
    this.db = db;
    this.remembered = remembered;
  }

  /** Notes an entry that is passed over, if nothing before it can be missing: whoever comes after it need not look then. */
  passed(entry: OutboxEntry): void {
    const event = openedOf(entry).event;
    if (!event) return;
    const name = nameOf(entry, event.aggregate);
    if ((this.told.get(name) ?? 0) >= event.aggregate.version - 1) this.note(name, event.aggregate.version);
  }

  /** The entries in the order to tell them: with those in front that must come first, without those that were told before their turn. */
  async arrange(entries: readonly OutboxEntry[]): Promise<OutboxEntry[]> {
    const candidates = new Map<OutboxEntry, Candidate>();
    const going = new Map<string, number>();
    for (const entry of entries) {
      const event = openedOf(entry).event;
      if (!event) continue;
      const { id, type, version } = event.aggregate;
      const name = nameOf(entry, event.aggregate);
      const last = going.get(name) ?? this.told.get(name) ?? 0;
      if (version > 1 && last < version - 1) candidates.set(entry, { entry, version, id, type });
      going.set(name, Math.max(last, version));
    }
    const lower = candidates.size === 0 ? new Map<OutboxEntry, OutboxEntry[]>() : await this.lookUp([...candidates.values()]);
    for (const [name, version] of going) this.note(name, version);
    if (lower.size === 0 && this.early.size === 0) return [...entries];
    const arranged: OutboxEntry[] = [];
    for (const entry of entries) {
      if (this.early.delete(entry.eventId)) continue;
      for (const first of lower.get(entry) ?? []) {
        if (this.early.has(first.eventId)) continue;
        this.early.add(first.eventId);
        arranged.push(first);
      }
      arranged.push(entry);
    }
    return arranged;
  }

  private note(name: string, version: number): void {
    const known = this.told.get(name) ?? 0;
    this.told.delete(name);
    this.told.set(name, Math.max(known, version));
    if (this.told.size > this.remembered) {
      const [oldest] = this.told.keys();
      if (oldest !== undefined) this.told.delete(oldest);
    }
  }

  private async lookUp(all: readonly Candidate[]): Promise<Map<OutboxEntry, OutboxEntry[]>> {
    const lower = new Map<OutboxEntry, OutboxEntry[]>();
    let candidates = [...all];
    for (let offset = 0; candidates.length > 0; offset += WINDOW) {
      const rows = await this.ask(candidates, offset);
      const further: Candidate[] = [];
      for (const row of rows) {
        const candidate = candidates[row.n];
        if (!candidate) continue;
        const { entry } = candidate;
        const found = (row.found ?? []).map((one) => ({
          position: { xid: BigInt(one.xid), seq: one.seq },
          topic: entry.topic,
          partition: entry.partition,
          key: entry.key,
          eventId: one.event_id,
          text: one.event,
        }));
        if (found.length > 0) lower.set(entry, [...(lower.get(entry) ?? []), ...found].sort(byVersion));
        const until = Date.parse(openedOf(entry).event?.occurred_at ?? '') + REACH_MS;
        if (row.scanned === WINDOW && (row.reached?.getTime() ?? 0) < until) further.push(candidate);
      }
      candidates = further;
    }
    return lower;
  }

  private async ask(candidates: readonly Candidate[], offset: number): Promise<Found[]> {
    const rows = candidates.map(({ entry, version, id, type }, n) => {
      const { xid, seq } = entry.position;
      return { n, topic: entry.topic, partition: entry.partition, xid: xid.toString(), seq, key: entry.key, type, id, version };
    });
    const client = await this.db.pool.connect();
    try {
      return (await client.query<Found>(LATER, [JSON.stringify(rows), offset])).rows;
    } finally {
      client.release();
    }
  }
}

const nameOf = (entry: OutboxEntry, { type, id }: { type: string; id: string }): string => `${entry.topic} ${type} ${id}`;
const versionOf = (entry: OutboxEntry): number => openedOf(entry).event?.aggregate.version ?? 0;
const byVersion = (one: OutboxEntry, other: OutboxEntry): number => versionOf(one) - versionOf(other);
