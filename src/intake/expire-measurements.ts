import { sql } from 'kysely';
import type { Reads } from '../platform/db/database.ts';
import type { Transaction } from '../platform/db/door.ts';
import { dropPiece, piecesBefore, type TimePiece } from '../platform/db/partitions.ts';
import type { IntakeDeps } from './deps.ts';
import { systemCause } from './sweep-inputs.ts';
import type { IntakeTables } from './tables.ts';

const TABLE = 'intake.measurement';
/** Rows removed in one transaction: short ones, because a long one holds back every reader of the outbox. */
const PIECE = 5_000;
/** Any constant will do. */
const TURN = 7_226_013_003;

/*
 * What is kept however old it is: values of a lot that is held, and of an inspection that is not settled. Walked from there, which is little, to the
 * values: Nested Loop over lot_state and inspection_unsettled, inspection_by_lot, measurement_of_inspection.
 */
const held = (of: TimePiece) => sql`
  select m.id, m.created_at from disposition.lot_state l join intake.inspection i on i.site = l.site and i.lot_id = l.lot_id
    join intake.measurement m on m.inspection_id = i.id
  where l.state = 'held' and m.created_at < ${of.to} and (${of.from}::timestamptz is null or m.created_at >= ${of.from})
  union all
  select m.id, m.created_at from intake.inspection i join intake.measurement m on m.inspection_id = i.id
  where i.status in ('pending', 'in_progress', 'awaiting_review') and m.created_at < ${of.to}
    and (${of.from}::timestamptz is null or m.created_at >= ${of.from})`;

async function anyHeld(on: Reads<IntakeTables> | Transaction<IntakeTables>, piece: TimePiece): Promise<boolean> {
  const { rows } = await sql<{ any: boolean }>`select exists (${held(piece)}) as any`.execute(on);
  return rows[0]?.any === true;
}

/** Audited with the span and the number of values, so that a missing value is told from a lost one. */
const expired = (piece: TimePiece, count: number, whole: boolean) => ({
  action: 'measurements.expired' as const,
  site: null,
  object: { type: 'measurements', id: piece.relation },
  old: { from: piece.from?.toISOString() ?? null, to: piece.to.toISOString(), measurements: count },
  new: { whole },
  reason: 'retention',
});

/** Of several processes one removes, and neither holds nor releases of lots come between its look and its commit. */
async function inTurn(tx: Transaction<IntakeTables>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(tx);
  await sql`select pg_advisory_xact_lock(${TURN})`.execute(tx);
  await sql`select disposition.hold_still()`.execute(tx);
}

/** The whole piece with its `count` values, unless something in it is kept. Answers whether it is gone. */
function dropWhole({ door }: Pick<IntakeDeps, 'door'>, piece: TimePiece, count: number): Promise<boolean> {
  return door.change<IntakeTables, boolean>(systemCause(), async (tx) => {
    await inTurn(tx);
    if (await anyHeld(tx, piece)) return { result: false, events: [], audit: [] };
    const { rows } = await sql<{ there: boolean }>`select to_regclass(${piece.relation}) is not null as there`.execute(tx);
    if (!rows[0]?.there) return { result: true, events: [], audit: [] };
    await dropPiece(tx, TABLE, piece);
    return { result: true, events: [], audit: [expired(piece, count, true)] };
  });
}

/** Some of the rows that nothing keeps, oldest first. */
function removeSome({ door }: Pick<IntakeDeps, 'door'>, piece: TimePiece): Promise<number> {
  return door.change<IntakeTables, number>(systemCause(), async (tx) => {
    await inTurn(tx);
    const { numAffectedRows } = await sql`
      with kept as materialized (${held(piece)}), going as (
        select m.id, m.created_at from intake.measurement m
        where m.created_at < ${piece.to} and (${piece.from}::timestamptz is null or m.created_at >= ${piece.from})
          and not exists (select 1 from kept k where k.id = m.id and k.created_at = m.created_at)
        limit ${PIECE})
      delete from intake.measurement m using going g where m.id = g.id and m.created_at = g.created_at`.execute(tx);
    const count = Number(numAffectedRows ?? 0);
    return { result: count, events: [], audit: count === 0 ? [] : [expired(piece, count, false)] };
  });
}

/**
 * Removes months of measured values that ended `keepMs` ago: the whole month where nothing is kept, else row by row what nothing keeps. Inspections,
 * verdicts, the limits that judged and the ledger stay. A month whose locks cannot be had within 2 s ends the round.
 * Answers how many values went.
 */
export async function expireMeasurements(
  deps: Pick<IntakeDeps, 'door'> & { reads: Reads<IntakeTables> },
  keepMs: number,
  now = Date.now(),
): Promise<number> {
  const { reads } = deps;
  let gone = 0;
  for (const piece of await piecesBefore(reads, TABLE, new Date(now - keepMs))) {
    // A look beforehand spares the lock: a month with held lots is met again in every round.
    if (!(await anyHeld(reads, piece))) {
      const { rows } = await sql<{ count: number }>`select count(*)::int as count from intake.measurement
        where created_at < ${piece.to} and (${piece.from}::timestamptz is null or created_at >= ${piece.from})`.execute(reads);
      const count = rows[0]?.count ?? 0;
      if (await dropWhole(deps, piece, count)) {
        gone += count;
        continue;
      }
    }
    for (let count = PIECE; count === PIECE; gone += count) count = await removeSome(deps, piece);
  }
  return gone;
}
