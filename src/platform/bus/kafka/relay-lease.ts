import { TOPICS } from '../../../contracts/events.ts';
import { type Database, prepared } from '../../db/database.ts';
import { PARTITIONS } from '../../db/envelope.ts';
import { ask, beat, makePositions, RELAY, savePositions } from '../leases.ts';
import type { OwnerName } from '../owner.ts';
import type { Position } from '../position.ts';

/** Unlike a group, the relay owns all lanes or none. */
const [FIRST] = TOPICS;

export interface RelayClaim {
  position: Position;
  generation: number;
}

const STAND = prepared(
  'relay_stand',
  'select owner, generation, xid::text as xid, seq from platform.bus_position where consumer_group = $1 and topic = $2 and partition = 0',
);
// The first lane's row is the lock: who finds it changed since it was read takes nothing. Its place holds for all; a topic that is new joins here.
const CLAIM = prepared(
  'relay_claim',
  `with first as (
     select xid, seq from platform.bus_position where consumer_group = $1 and topic = $2 and partition = 0 and generation = $3 for update)
   update platform.bus_position p set owner = $4, generation = $3::bigint + 1, updated_at = now(), xid = first.xid, seq = first.seq
   from first where p.consumer_group = $1 returning 1`,
);

export const makeRelayPositions = (db: Database): Promise<void> => makePositions(db, RELAY, TOPICS);

/**
 * Renews this process's life, and takes the relay over when its owner has none left; one that we hold already (`held`) is only looked at.
 * @returns the claim when it is ours from now on
 */
export async function claimRelay(db: Database, self: OwnerName, leaseMs: number, held?: RelayClaim): Promise<RelayClaim | undefined> {
  const living = await beat(db, self, [RELAY], leaseMs);
  const [row] = await ask<{ owner: string | null; generation: number; xid: string; seq: number }>(db, STAND, [RELAY, FIRST]);
  if (held) return row?.owner === self.text && row.generation === held.generation ? held : undefined;
  if (!row || (row.owner !== null && row.owner !== self.text && living.some((member) => member.owner === row.owner))) return undefined;
  const taken = await ask(db, CLAIM, [RELAY, FIRST, row.generation, self.text]);
  if (taken.length === 0) return undefined;
  return { generation: row.generation + 1, position: { xid: BigInt(row.xid), seq: row.seq } };
}

/** @returns false when the relay is no longer ours */
export async function saveRelay(db: Database, claim: RelayClaim, position: Position, release: boolean): Promise<boolean> {
  const lanes = TOPICS.flatMap((topic) =>
    Array.from({ length: PARTITIONS }, (_, partition) => ({ group: RELAY, topic, partition, ...claim, position, release })),
  );
  return (await savePositions(db, lanes)).size > 0;
}
