import { type SelectQueryBuilder, sql } from 'kysely';
import type { InspectionStatus, InspectionType, Verdict } from '../contracts/inspections.ts';
import type { Caller } from '../contracts/permissions.ts';
import type { Reads } from '../platform/db/database.ts';
import type { Transaction } from '../platform/db/door.ts';
import { idBound } from '../platform/id.ts';
import type { InspectionRow, IntakeTables } from './tables.ts';

type Inspections = SelectQueryBuilder<IntakeTables, 'intake.inspection', InspectionRow>;
type On = Reads<IntakeTables> | Transaction<IntakeTables>;

/** Whose records a caller sees: a station its own, a person or client those of their site, `*` all. Anything else does not exist for them. */
export type Sight = Pick<Caller, 'site' | 'stationId'>;

function within(query: Inspections, sight: Sight): Inspections {
  let seen = query;
  if (sight.site !== '*') seen = seen.where('site', '=', sight.site);
  if (sight.stationId !== null) seen = seen.where('station_id', '=', sight.stationId);
  return seen;
}

export function findInspection(on: On, id: string, sight: Sight): Promise<InspectionRow | undefined> {
  return within(on.selectFrom('intake.inspection').selectAll(), sight).where('id', '=', id).executeTakeFirst();
}

/** The row, locked until the transaction ends: what every change of it begins with. */
export function lockInspection(tx: Transaction<IntakeTables>, id: string, sight: Sight): Promise<InspectionRow | undefined> {
  return within(tx.selectFrom('intake.inspection').selectAll(), sight).where('id', '=', id).forUpdate().executeTakeFirst();
}

export interface InspectionFilter {
  status?: InspectionStatus;
  inspection_type?: InspectionType;
  lot_id?: string;
  chip_id?: string;
  station_id?: string;
  site?: string;
  verdict?: Verdict;
  from: Date | null;
  to: Date | null;
}

const TOP = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** Sites that have inspections: a descent of `inspection_by_site` each. */
async function sitesWithInspections(on: On): Promise<string[]> {
  const { rows } = await sql<{ site: string }>`with recursive one(site) as (
      (select site from intake.inspection order by site limit 1)
      union all
      select (select i.site from intake.inspection i where i.site > one.site order by i.site limit 1) from one where one.site is not null)
    select site from one where site is not null`.execute(on);
  return rows.map(({ site }) => site);
}

/**
 * Newest first, below the cursor: a walk down `inspection_by_site`, `_by_station`, `_by_lot`, `_dropped` or `_by_chip`, without a sort. A station is asked for as a
 * range of its index: with an equality the planner may walk all inspections backwards instead, which for a station that is silent is all of them. That
 * index begins with the site, so that a station of another site is no walk through its records; who sees all sites asks each.
 */
export async function listInspections(
  on: On,
  sight: Sight,
  filter: InspectionFilter,
  before: string | null,
  limit: number,
): Promise<InspectionRow[]> {
  const { station_id = sight.stationId, site: wanted = sight.site } = filter;
  if (sight.site !== '*' && wanted !== sight.site) return [];
  if (wanted !== sight.site) return await listInspections(on, { ...sight, site: wanted }, filter, before, limit);
  if (sight.stationId !== null && station_id !== sight.stationId) return [];
  if (sight.site === '*' && station_id !== null) {
    const found: InspectionRow[] = [];
    for (const site of await sitesWithInspections(on))
      found.push(...(await listInspections(on, { ...sight, site }, filter, before, limit)));
    return found.sort((one, other) => (one.id < other.id ? 1 : -1)).slice(0, limit);
  }
  let query = on.selectFrom('intake.inspection').selectAll();
  if (sight.site !== '*') query = query.where('site', '=', sight.site);
  if (station_id !== null)
    query = query
      .where('station_id', '>=', station_id)
      .where(sql<boolean>`(station_id, id) <= (${station_id}, ${before ?? TOP}::uuid)`)
      .orderBy('station_id', 'desc');
  for (const column of ['status', 'inspection_type', 'chip_id', 'verdict'] as const) {
    const value = filter[column];
    if (value !== undefined) query = query.where(column, '=', value as never);
  }
  if (filter.lot_id !== undefined) query = query.where('lot_id', '=', filter.lot_id.toUpperCase());
  if (filter.from) query = query.where('id', '>=', idBound(filter.from.getTime(), 'first'));
  if (filter.to) query = query.where('id', '<=', idBound(filter.to.getTime(), 'last'));
  if (before !== null) query = query.where('id', '<', before);
  return query.orderBy('id', 'desc').limit(limit).execute();
}

/** Unsettled inspections by type, from `inspection_unsettled` alone. */
export async function countActive(on: On): Promise<Map<InspectionType, number>> {
  const rows = await on
    .selectFrom('intake.inspection')
    .select(['inspection_type', sql<number>`count(*)::int`.as('count')])
    .where('status', 'in', ['pending', 'in_progress', 'awaiting_review'])
    .groupBy('inspection_type')
    .execute();
  return new Map(rows.map(({ inspection_type, count }) => [inspection_type, count]));
}
