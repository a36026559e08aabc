import type { Topic } from '../../contracts/events.ts';
import { type Database, prepared } from '../db/database.ts';
import { PARTITIONS } from '../db/envelope.ts';
import { localPeerIsDead, type OwnerName } from './owner.ts';
import type { Position } from './position.ts';

/** The name under which the relay to a broker keeps its place: a group like others in these tables, so that its lag shows and housekeeping waits. */
export const RELAY = 'relay';

export interface LaneKey {
  group: string;
  topic: Topic;
  partition: number;
}

/** A partition that this process owns, with the place where its group stands. */
export interface Claim extends LaneKey {
  position: Position;
  /** Of the ownership: a position is saved under it, or not at all. */
  generation: number;
}

interface PositionRow {
  consumer_group: string;
  topic: Topic;
  partition: number;
  xid: string;
  seq: number;
  owner: string | null;
  generation: number;
}

export const laneName = (lane: LaneKey): string => `${lane.group} ${lane.topic} ${lane.partition}`;

const claimOf = (row: PositionRow): Claim => ({
  group: row.consumer_group,
  topic: row.topic,
  partition: row.partition,
  position: { xid: BigInt(row.xid), seq: row.seq },
  generation: row.generation,
});

const BEAT = prepared(
  'bus_beat',
  `insert into platform.bus_member (owner, groups, lease_until) values ($1, $2, now() + make_interval(secs => $3))
   on conflict (owner) do update set lease_until = excluded.lease_until, groups = excluded.groups`,
);
/** A lease of the future was written before the server's clock was set back: its owner, if it lives, renews it within seconds. No lease is as long. */
const OF_ANOTHER_CLOCK = "lease_until > now() + interval '2 minutes'";
const MEMBERS = prepared(
  'bus_members',
  `select owner, groups from platform.bus_member where lease_until > now() and not (${OF_ANOTHER_CLOCK})`,
);
const POSITIONS = prepared(
  'bus_positions',
  'select consumer_group, topic, partition, xid, seq, owner, generation from platform.bus_position where consumer_group = any($1)',
);
// What was read a moment ago must still stand: two that want the same partition cannot both get it.
const CLAIM = prepared(
  'bus_claim',
  `update platform.bus_position p set owner = $1, generation = p.generation + 1, updated_at = now()
   from json_to_recordset($2::json) as x(consumer_group text, topic text, partition smallint, generation bigint)
   where p.consumer_group = x.consumer_group and p.topic = x.topic and p.partition = x.partition and p.generation = x.generation
   returning p.consumer_group, p.topic, p.partition, p.xid, p.seq, p.owner, p.generation`,
);
const SAVE = prepared(
  'bus_save',
  `update platform.bus_position p set xid = x.xid, seq = x.seq, owner = case when x.release then null else p.owner end, updated_at = now(),
     generation = p.generation + case when x.release then 1 else 0 end
   from json_to_recordset($1::json) as x(consumer_group text, topic text, partition smallint, generation bigint, xid xid8, seq bigint, release boolean)
   where p.consumer_group = x.consumer_group and p.topic = x.topic and p.partition = x.partition and p.generation = x.generation
   returning p.consumer_group, p.topic, p.partition, p.xid, p.seq, p.owner, p.generation`,
);

/** One statement on a connection of its own, given back at once. */
export async function ask<Row>(db: Database, text: string, values: unknown[]): Promise<Row[]> {
  const client = await db.pool.connect();
  try {
    return (await client.query(text, values)).rows as Row[];
  } finally {
    client.release();
  }
}

/** A row for each partition of each topic; a new group, or a new topic of a group, begins at the start of what is kept. */
export async function makePositions(db: Database, group: string, topics: readonly Topic[]): Promise<void> {
  await ask(
    db,
    `insert into platform.bus_position (consumer_group, topic, partition)
     select $1, topic, partition from unnest($2::text[]) as topic, generate_series(0, ${PARTITIONS - 1}) as partition on conflict do nothing`,
    [group, topics],
  );
}

export interface Balance {
  /** Newly owned. */
  gained: Claim[];
  /** Every claim that the database still gives to us, `gained` included. */
  owned: Claim[];
  /** Ours, but more than our share while others have less: finish the event in hand, save with `release`. */
  surplus: Claim[];
}

/** Renews the life of this process and buries the dead. @returns who is living, ourselves included */
export async function beat(
  db: Database,
  self: OwnerName,
  groups: readonly string[],
  leaseMs: number,
): Promise<{ owner: string; groups: string[] }[]> {
  await ask(db, BEAT, [self.text, groups, leaseMs / 1000]);
  const members = await ask<{ owner: string; groups: string[] }>(db, MEMBERS, []);
  const dead = members.filter((member) => localPeerIsDead(self, member.owner)).map((member) => member.owner);
  await ask(
    db,
    `delete from platform.bus_member where owner = any($1) or lease_until < now() - interval '1 minute' or ${OF_ANOTHER_CLOCK}`,
    [dead],
  );
  return members.filter((member) => !dead.includes(member.owner));
}

/**
 * Removes the places of groups that live on another bus now, unless a living process still serves them here: kept, they would hold back housekeeping
 * for ever, and a return after the inbox has forgotten would apply old events again.
 */
export async function forgetPositions(db: Database, groups: readonly string[]): Promise<void> {
  await ask(
    db,
    `delete from platform.bus_position p where consumer_group = any($1)
       and not exists (select 1 from platform.bus_member m where m.owner = p.owner and m.lease_until > now() and not (${OF_ANOTHER_CLOCK}))`,
    [groups],
  );
}

/** Fair shares: nobody keeps more than its part, rounded up, of a group's partitions. */
export async function balance(db: Database, self: OwnerName, groups: readonly string[], leaseMs: number): Promise<Balance> {
  const members = await beat(db, self, groups, leaseMs);
  const living = new Set(members.map((member) => member.owner));
  const rows = await ask<PositionRow>(db, POSITIONS, [groups]);
  const wanted: PositionRow[] = [];
  const surplus: Claim[] = [];
  for (const group of groups) {
    const all = rows.filter((row) => row.consumer_group === group);
    const share = Math.ceil(all.length / Math.max(1, members.filter((member) => member.groups.includes(group)).length));
    const mine = all.filter((row) => row.owner === self.text);
    const free = all.filter((row) => row.owner === null || !living.has(row.owner));
    wanted.push(...free.slice(0, Math.max(0, share - mine.length)));
    surplus.push(...mine.slice(share).map(claimOf));
  }
  const claims = wanted.map(({ consumer_group, topic, partition, generation }) => ({ consumer_group, topic, partition, generation }));
  const gained = claims.length === 0 ? [] : (await ask<PositionRow>(db, CLAIM, [self.text, JSON.stringify(claims)])).map(claimOf);
  const owned = [...rows.filter((row) => row.owner === self.text).map(claimOf), ...gained];
  return { gained, owned, surplus };
}

/** Saves positions, giving the partition back where `release` says so. @returns the names of those that were still ours */
export async function savePositions(db: Database, lanes: readonly (Claim & { release: boolean })[]): Promise<Set<string>> {
  if (lanes.length === 0) return new Set();
  const rows = lanes.map(({ group, topic, partition, generation, position, release }) => ({
    consumer_group: group,
    topic,
    partition,
    generation,
    xid: position.xid.toString(),
    seq: position.seq,
    release,
  }));
  return new Set((await ask<PositionRow>(db, SAVE, [JSON.stringify(rows)])).map((row) => laneName(claimOf(row))));
}

export async function leave(db: Database, self: OwnerName): Promise<void> {
  await ask(db, 'delete from platform.bus_member where owner = $1', [self.text]);
}
