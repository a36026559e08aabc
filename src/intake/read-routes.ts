import type { FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { presentInspection } from '../contracts/inspection-record.ts';
import { Inspection, InspectionGetQuery, InspectionPage, InspectionQuery, UnitHistory } from '../contracts/inspections.ts';
import { isPrintable } from '../contracts/lot-id.ts';
import type { Caller } from '../contracts/permissions.ts';
import { IdParams, PageQuery, ref } from '../contracts/primitives.ts';
import type { Reads } from '../platform/db/database.ts';
import type { ListReads } from '../platform/db/replica.ts';
import type { App } from '../platform/http/app.ts';
import { etag, notModified } from '../platform/http/conditional.ts';
import { requireUuid } from '../platform/http/ids.ts';
import { idPosition, timeSpan } from '../platform/http/paging.ts';
import { answerList, type PagedList } from '../platform/paged-list.ts';
import { ProblemError } from '../platform/problem.ts';
import { includesOf, withIncludes } from './includes.ts';
import { findInspection, type InspectionFilter, listInspections } from './queries.ts';
import type { InspectionRow, IntakeTables } from './tables.ts';
import type { Waiters } from './waiters.ts';

const COLUMNS = [
  'id',
  'lot_id',
  'chip_id',
  'inspection_type',
  'priority',
  'station_id',
  'site',
  'status',
  'verdict',
  'reason',
  'attempt',
  'version',
  'created_by',
  'created_at',
  'updated_at',
  'completed_at',
  'station_metadata',
  'inspected_at',
  'station_epoch',
  'station_sequence',
] as const satisfies readonly (keyof InspectionRow)[];
const SETTLED: ReadonlySet<string> = new Set(['awaiting_review', 'completed', 'cancelled', 'failed']);
/** Aborts when the client goes away before the answer. */
function clientGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return gone.signal;
}

export interface ReadDeps {
  reads: Reads<IntakeTables>;
  lists: ListReads;
  waiters: Waiters;
}

/** The record as soon as it is judged, waits for a person or was cancelled; else as it is when the time is over. */
async function awaitSettled(
  { reads, waiters }: Pick<ReadDeps, 'reads' | 'waiters'>,
  id: string,
  caller: Caller,
  seconds: number,
  signal: AbortSignal,
) {
  const look = () => findInspection(reads, id, caller);
  const end = performance.now() + seconds * 1000;
  let row = await look();
  while (row !== undefined && !SETTLED.has(row.status) && !signal.aborted && performance.now() < end) {
    // Listening begins before the second look: what happens between the two is not missed.
    const waiting = waiters.settled(id, end - performance.now(), signal);
    if (waiting === null) return row;
    row = await look();
    if (row === undefined || SETTLED.has(row.status)) waiting.stop();
    else {
      await waiting.told;
      row = await look();
    }
  }
  return row;
}

export function readRoutes(app: App, deps: ReadDeps): void {
  const { reads, lists } = deps;
  const show = (on: Reads<IntakeTables>, rows: InspectionRow[], include: string | undefined) =>
    withIncludes(on, rows.map(presentInspection), includesOf(include));
  const inspections = (
    caller: Caller,
    filter: InspectionFilter,
    include: string | undefined,
  ): PagedList<InspectionRow, Inspection, string> => ({
    read: (before, limit) => lists(caller, (on: Reads<IntakeTables>) => listInspections(on, caller, filter, before, limit)),
    position: ({ id }) => id,
    parsePosition: idPosition,
    show: (rows) =>
      include === undefined ? rows.map(presentInspection) : lists(caller, (on: Reads<IntakeTables>) => show(on, rows, include)),
    csv: { filename: 'inspections.csv', columns: COLUMNS, cells: (row) => COLUMNS.map((column) => row[column]) },
  });

  app.route({
    method: 'GET',
    url: '/v1/inspections',
    config: { permission: 'inspections:read', class: 'read' },
    schema: {
      tags: ['inspections'],
      summary: 'List inspections, newest first',
      description:
        '`from` and `to` are inclusive and count `created_at`. With `Accept: text/csv` the whole list comes as a file, streamed; `limit` bounds it when it is given.',
      querystring: InspectionQuery,
      response: { 200: ref(InspectionPage) },
    },
    async handler(request, reply) {
      const { limit, cursor, include, from, to, ...filter } = request.query;
      const span = timeSpan({ ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) });
      return answerList(request, reply, { limit, cursor }, inspections(request.caller, { ...filter, ...span }, include));
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/inspections/:id',
    config: { permission: 'inspections:read', class: 'read', etag: true, ifNoneMatch: true },
    schema: {
      tags: ['inspections'],
      summary: 'Read an inspection',
      description: '`wait` holds the answer until the inspection is judged or waits for a person, at most that many seconds.',
      params: IdParams,
      querystring: InspectionGetQuery,
      response: { 200: ref(Inspection) },
    },
    async handler(request, reply) {
      const id = requireUuid(request.params.id);
      const row = await awaitSettled(deps, id, request.caller, request.query.wait ?? 0, clientGone(reply));
      if (!row) throw new ProblemError('not_found');
      etag(reply, row.version);
      // With `include` the version of the record alone does not say whether its parts have changed.
      if (request.query.include === undefined && notModified(request, reply, `"${row.version}"`)) return (reply as FastifyReply).send();
      const [shown = presentInspection(row)] = await show(reads, [row], request.query.include);
      return reply.send(shown);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/units/:chip_id',
    config: { permission: 'inspections:read', class: 'read' },
    schema: {
      tags: ['inspections'],
      summary: 'History of a unit',
      description: 'Every inspection of a chip over all lots, attempts and stations that the caller sees, newest first.',
      params: Type.Object({ chip_id: Type.String() }),
      querystring: Type.Object({ ...PageQuery, include: InspectionQuery.properties.include }, { additionalProperties: false }),
      response: { 200: ref(UnitHistory) },
    },
    async handler(request, reply) {
      const { limit, cursor, include } = request.query;
      const { chip_id } = request.params;
      const list = inspections(request.caller, { chip_id, from: null, to: null }, include);
      // After a cursor an empty page is the end of the list; without one the unit is unknown.
      if (!isPrintable(chip_id) || (cursor === undefined && (await list.read(null, 1)).length === 0)) throw new ProblemError('not_found');
      return answerList(request, reply, { limit, cursor }, list, { chip_id });
    },
  });
}
