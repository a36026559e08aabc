import { sql } from 'kysely';
import { Type } from 'typebox';
import { type Site, SitePage, type Station, StationPage } from '../contracts/masterdata.ts';
import type { Caller } from '../contracts/permissions.ts';
import { PageQuery, ref } from '../contracts/primitives.ts';
import type { Reads } from '../platform/db/database.ts';
import type { App } from '../platform/http/app.ts';
import { answerList, type PagedList } from '../platform/paged-list.ts';
import type { MasterdataTables } from './tables.ts';

type StationRow = Omit<Station, 'last_seen_at'> & { last_seen_at: Date | null };

const isCode = (value: unknown): string | undefined =>
  typeof value === 'string' && value.isWellFormed() && !value.includes('\0') ? value : undefined;
const SITE_COLUMNS = ['code', 'name', 'time_zone', 'lot_id_pattern'] as const;
const STATION_COLUMNS = ['station_id', 'site', 'name', 'inspection_types', 'line', 'last_seen_at'] as const;
const Query = Type.Object({ ...PageQuery }, { additionalProperties: false });

function siteList(reads: Reads<MasterdataTables>, caller: Caller): PagedList<Site, Site, string> {
  return {
    read(behind, limit) {
      let query = reads.selectFrom('masterdata.site').select(SITE_COLUMNS).orderBy('code').limit(limit);
      if (caller.site !== '*') query = query.where('code', '=', caller.site);
      if (behind !== null) query = query.where('code', '>', behind);
      return query.execute();
    },
    position: ({ code }) => code,
    parsePosition: isCode,
    show: (rows) => rows,
    csv: { filename: 'sites.csv', columns: SITE_COLUMNS, cells: (row) => SITE_COLUMNS.map((column) => row[column]) },
  };
}

/**
 * `last_seen_at` is the newest inspection of the station at its site: one step down `inspection_by_station` for each row of the page. Written as a range because with
 * an equality the planner may walk all inspections backwards instead, which for a station that was never heard is all of them.
 */
function stationList(reads: Reads<MasterdataTables>, caller: Caller): PagedList<StationRow, Station, string> {
  return {
    async read(behind, limit) {
      const { rows } = await sql<StationRow>`
        select s.station_id, s.site, s.name, s.inspection_types, s.line, seen.created_at as last_seen_at
        from masterdata.station s
        left join lateral (
          select i.created_at from intake.inspection_now i
          where i.site = s.site and i.station_id >= s.station_id and (i.station_id, i.id) <= (s.station_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
          order by i.station_id desc, i.id desc limit 1) seen on true
        where (${caller.site} = '*' or s.site = ${caller.site}) and (${behind}::text is null or s.station_id > ${behind}::text)
        order by s.station_id limit ${limit}`.execute(reads);
      return rows;
    },
    position: ({ station_id }) => station_id,
    parsePosition: isCode,
    show: (rows) => rows.map((row) => ({ ...row, last_seen_at: row.last_seen_at?.toISOString() ?? null })),
    csv: { filename: 'stations.csv', columns: STATION_COLUMNS, cells: (row) => STATION_COLUMNS.map((column) => row[column]) },
  };
}

export function plantRoutes(app: App, reads: Reads<MasterdataTables>): void {
  app.route({
    method: 'GET',
    url: '/v1/sites',
    config: { permission: 'masterdata:read', class: 'read' },
    schema: { tags: ['master data'], summary: 'List sites', querystring: Query, response: { 200: ref(SitePage) } },
    async handler(request, reply) {
      return answerList(request, reply, request.query, siteList(reads, request.caller));
    },
  });
  app.route({
    method: 'GET',
    url: '/v1/stations',
    config: { permission: 'masterdata:read', class: 'read' },
    schema: { tags: ['master data'], summary: 'List stations', querystring: Query, response: { 200: ref(StationPage) } },
    async handler(request, reply) {
      return answerList(request, reply, request.query, stationList(reads, request.caller));
    },
  });
}
