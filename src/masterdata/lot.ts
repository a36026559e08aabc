import { type RawBuilder, sql } from 'kysely';
import type { Lot, LotState } from '../contracts/masterdata.ts';
import type { Reads } from '../platform/db/database.ts';
import type { Transaction } from '../platform/db/door.ts';
import type { MasterdataTables } from './tables.ts';

type On = Reads<MasterdataTables> | Transaction<MasterdataTables>;

/** A lot as all three slices know it: what it is (here), how its inspections stand (intake), whether it is held (disposition). */
export interface WholeLot {
  site: string;
  lot_id: string;
  product: string | null;
  revision: string | null;
  opened_at: Date;
  /** Microseconds since 1970, for the cursor: a Date would lose them, and a text would have to be judged as a time. */
  opened_micros: string;
  version: number;
  state: LotState;
  reason: string | null;
  decided_by: string | null;
  decided_at: Date | null;
  total: number;
  pending: number;
  in_progress: number;
  awaiting_review: number;
  pass: number;
  fail: number;
  inconclusive: number;
  cancelled: number;
}

export function presentLot(row: WholeLot): Lot {
  const { total, pending, in_progress, awaiting_review, pass, fail, inconclusive, cancelled } = row;
  return {
    lot_id: row.lot_id,
    site: row.site,
    state: row.state,
    reason: row.reason,
    decided_by: row.decided_by,
    decided_at: row.decided_at?.toISOString() ?? null,
    product: row.product,
    revision: row.revision,
    counts: { total, pending, in_progress, awaiting_review, pass, fail, inconclusive, cancelled },
    yield: pass + fail === 0 ? null : pass / (pass + fail),
    opened_at: row.opened_at.toISOString(),
    version: row.version,
  };
}

/** As `intake.lot_count`, of one station. */
const countsOf = (station: string): RawBuilder<unknown> => sql`
  select count(*)::int as total, (count(*) filter (where status = 'pending'))::int as pending,
         (count(*) filter (where status = 'in_progress'))::int as in_progress,
         (count(*) filter (where status = 'awaiting_review'))::int as awaiting_review, (count(*) filter (where verdict = 'pass'))::int as pass,
         (count(*) filter (where verdict = 'fail'))::int as fail, (count(*) filter (where verdict = 'inconclusive'))::int as inconclusive,
         (count(*) filter (where status = 'cancelled'))::int as cancelled
  from intake.inspection_now n where n.site = page.site and n.lot_id = page.lot_id and n.station_id = ${station}`;

/**
 * Lots with their counts and state, newest first. The counts are made for the lots of the page alone: the `limit 1` keeps the planner from counting every
 * lot there is, so that site and lot are pushed into the view, which then walks `inspection_by_lot`. A lot's version counts what master data and what disposition changed of it.
 * A lot is its site's, its inspections are of stations: one that sees its own records only is counted those.
 */
async function select(on: On, where: RawBuilder<unknown>, limit: number, station: string | null): Promise<WholeLot[]> {
  const counts =
    station === null
      ? sql`select * from intake.lot_count n where n.site = page.site and n.lot_id = page.lot_id limit 1`
      : countsOf(station);
  const { rows } = await sql<WholeLot>`
    with page as (
      select l.site, l.lot_id, l.product, l.revision, l.opened_at, (extract(epoch from l.opened_at) * 1000000)::bigint::text as opened_micros, l.version + coalesce(s.version, 0) as version,
             coalesce(s.state, 'open') as state, s.reason, s.decided_by, s.decided_at
      from masterdata.lot l left join disposition.lot_state s on s.site = l.site and s.lot_id = l.lot_id
      where ${where}
      order by l.opened_at desc, l.site, l.lot_id limit ${limit})
    select page.*, coalesce(c.total, 0) as total, coalesce(c.pending, 0) as pending, coalesce(c.in_progress, 0) as in_progress,
           coalesce(c.awaiting_review, 0) as awaiting_review, coalesce(c.pass, 0) as pass, coalesce(c.fail, 0) as fail,
           coalesce(c.inconclusive, 0) as inconclusive, coalesce(c.cancelled, 0) as cancelled
    from page left join lateral (${counts}) c on true
    order by page.opened_at desc, page.site, page.lot_id`.execute(on);
  return rows;
}

export interface LotPosition {
  /** Microseconds since 1970. */
  opened: string;
  site: string;
  lot: string;
}

export function listLots(
  on: On,
  filter: { site: string; station: string | null; state?: LotState | undefined },
  behind: LotPosition | null,
  limit: number,
): Promise<WholeLot[]> {
  const parts = [sql`true`];
  if (filter.site !== '*') parts.push(sql`l.site = ${filter.site}`);
  if (filter.state !== undefined) parts.push(sql`coalesce(s.state, 'open') = ${filter.state}`);
  if (behind !== null) {
    const opened = sql`timestamptz 'epoch' + ${behind.opened}::bigint * interval '1 microsecond'`;
    parts.push(sql`(l.opened_at < ${opened} or (l.opened_at = ${opened} and (l.site, l.lot_id) > (${behind.site}, ${behind.lot})))`);
  }
  return select(on, sql.join(parts, sql` and `), limit, filter.station);
}

/** The lots of this name that the caller sees: at most one for a caller with a site. */
export function lotsNamed(on: On, lotId: string, site: string, station: string | null = null): Promise<WholeLot[]> {
  return select(on, site === '*' ? sql`l.lot_id = ${lotId}` : sql`l.lot_id = ${lotId} and l.site = ${site}`, 2, station);
}
