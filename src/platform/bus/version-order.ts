import { type Database, prepared } from '../db/database.ts';
import { headOf, type OutboxEntry } from './outbox-reader.ts';
import { CREATED, recordName } from './precedence.ts';

/** More lower versions than this of one record never stand behind a higher one: each waits for the lock of its record. */
const MOST = 100;

/*
 * Lower versions of the same records that stand later in the outbox, committed or not below the horizon. Plan (18.4): for each candidate an Index Scan
 * on outbox_record from the candidate on, which holds the versions of one record after the first; a page of 500 candidates is some milliseconds
 * however many events wait.
 */
const LATER = prepared(
  'outbox_later',
  `select c.n, o.xid::text as xid, o.seq, o.event_id, o.event::text as event
   from json_to_recordset($1::json) as c(n int, topic text, xid xid8, seq bigint, type text, id text, version int)
   cross join lateral (
     select r.* from platform.outbox r
     where r.record = c.id and (r.xid, r.seq) > (c.xid, c.seq) and r.topic = c.topic
       and r.event -> 'aggregate' ->> 'type' = c.type and (r.event -> 'aggregate' ->> 'version')::int < c.version
     order by r.record, r.xid, r.seq limit ${MOST}) o
   order by c.n, (o.event -> 'aggregate' ->> 'version')::int`,
);

interface Found {
  n: number;
  xid: string;
  seq: number;
  event_id: string;
  event: string;
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
 * An event that is marked to follow its predecessors (`Precedence`), one of the first two versions (`CREATED`), and one whose predecessor was told a moment
 * ago, is not looked up; the rest costs one statement a page.
 *
 * A reader that starts anew (its memory gone) asks more often and tells some events again, never in another order: each event it tells comes after all
 * lower versions that are at or behind its starting place, and what is before that place was told.
 */
export class VersionOrder {
  private readonly db: Database;
  private readonly remembered: number;
  /** The highest version told, by record, of entries that were not marked; the least recently used are forgotten first. */
  private readonly told = new Map<string, number>();
  /** Events told before their turn; each is met again later, and left out then. */
  private readonly early = new Set<string>();

  constructor(db: Database, remembered: number) {
    this.db = db;
    this.remembered = remembered;
  }

  /** An entry that nobody asks to have arranged goes by. */
  passed({ eventId }: OutboxEntry): void {
    if (this.early.size > 0) this.early.delete(eventId);
  }

  /** The entries in the order to tell them: with those in front that must come first, without those that were told before their turn. */
  async arrange(entries: readonly OutboxEntry[]): Promise<OutboxEntry[]> {
    const candidates = new Map<OutboxEntry, Candidate>();
    const going = new Map<string, number>();
    for (const entry of entries) {
      const head = entry.follows === true ? undefined : headOf(entry);
      if (!head) continue;
      const { id, type, version } = head.aggregate;
      const name = recordName(entry.topic, type, id);
      const last = going.get(name) ?? this.told.get(name) ?? CREATED;
      if (last < version - 1) candidates.set(entry, { entry, version, id, type });
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

  private async lookUp(candidates: readonly Candidate[]): Promise<Map<OutboxEntry, OutboxEntry[]>> {
    const asked = candidates.map(({ entry, version, id, type }, n) => {
      const { xid, seq } = entry.position;
      return { n, topic: entry.topic, xid: xid.toString(), seq, type, id, version };
    });
    const client = await this.db.pool.connect();
    const lower = new Map<OutboxEntry, OutboxEntry[]>();
    try {
      for (const one of (await client.query<Found>(LATER, [JSON.stringify(asked)])).rows) {
        const entry = candidates[one.n]?.entry;
        if (!entry) continue;
        const position = { xid: BigInt(one.xid), seq: one.seq };
        const { topic, partition, key } = entry;
        lower.set(entry, [...(lower.get(entry) ?? []), { position, topic, partition, key, eventId: one.event_id, text: one.event }]);
      }
    } finally {
      client.release();
    }
    return lower;
  }
}
