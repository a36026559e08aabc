import { Type } from 'typebox';
import { DefectList } from '../contracts/defects.ts';
import { PolicyPage } from '../contracts/masterdata.ts';
import { maySee } from '../contracts/permissions.ts';
import { IdParams, PageQuery, ref } from '../contracts/primitives.ts';
import { Problem } from '../contracts/problems.ts';
import { ReviewPage, ReviewQuery } from '../contracts/review.ts';
import { type Database, reads } from '../platform/db/database.ts';
import type { App } from '../platform/http/app.ts';
import { requireUuid } from '../platform/http/ids.ts';
import { decodeCursor, idPosition } from '../platform/http/paging.ts';
import { answerList } from '../platform/paged-list.ts';
import { ProblemError } from '../platform/problem.ts';
import { listDefects, shownDefect } from './defects.ts';
import { listPolicies, type PolicyPosition, policyPosition } from './policies.ts';
import { positionOf, type QueuePosition, queueItems, queuePosition, readQueue } from './review-queue.ts';
import type { DispositionTables } from './tables.ts';

const Paged = Type.Object({ ...PageQuery }, { additionalProperties: false });
const DEFECT_COLUMNS = [
  'id',
  'class',
  'severity',
  'score',
  'x',
  'y',
  'width',
  'height',
  'characteristic',
  'state',
  'reviewed_by',
  'reviewed_at',
] as const;
const QUEUE_COLUMNS = [
  'inspection_id',
  'site',
  'lot_id',
  'chip_id',
  'inspection_type',
  'why',
  'severity_rank',
  'waiting_since',
  'kind',
] as const;

/** Defects of an inspection, the review queue, the policies. */
export function readRoutes(app: App, { db }: { db: Database }): void {
  const on = reads<DispositionTables>(db);
  app.get(
    '/v1/inspections/:id/defects',
    {
      config: { permission: 'inspections:read' },
      schema: {
        tags: ['inspections'],
        summary: 'Defects of an inspection',
        params: IdParams,
        querystring: Paged,
        response: { 200: ref(DefectList), default: ref(Problem) },
      },
    },
    async (request, reply) => {
      // A wrong value is told before what is unknown.
      decodeCursor(request.query.cursor, idPosition);
      const id = requireUuid(request.params.id);
      const inspection = await on
        .selectFrom('intake.inspection_now')
        .select(['site', 'station_id'])
        .where('id', '=', id)
        .executeTakeFirst();
      if (!inspection || !maySee(request.caller, inspection)) throw new ProblemError('not_found');
      return (await answerList(request, reply, request.query, {
        read: (behind, limit) => listDefects(on, id, behind, limit),
        position: (row) => row.id,
        parsePosition: idPosition,
        show: (rows) => rows.map(shownDefect),
        csv: { filename: `defects-${id}.csv`, columns: DEFECT_COLUMNS, cells: (row) => DEFECT_COLUMNS.map((name) => row[name]) },
      })) as never;
    },
  );
  app.get(
    '/v1/review-queue',
    {
      config: { permission: 'defects:review', class: 'read' },
      schema: {
        tags: ['inspections'],
        summary: 'What waits for a person: what holds up a unit first, then looks that hold up none; worst first within each',
        querystring: ReviewQuery,
        response: { 200: ref(ReviewPage), default: ref(Problem) },
      },
    },
    async (request, reply) => {
      const { caller } = request;
      const { kind = null } = request.query;
      return (await answerList(request, reply, request.query, {
        read: (behind: QueuePosition | null, limit) => readQueue(on, { caller, kind }, behind, limit),
        position: positionOf,
        parsePosition: queuePosition,
        show: (rows) => queueItems(on, rows),
        csv: {
          filename: 'review-queue.csv',
          columns: QUEUE_COLUMNS,
          cells: (row) => [row.id, row.site, row.lot_id, row.chip_id, row.inspection_type, row.why, row.worst_rank, row.since, row.kind],
        },
      })) as never;
    },
  );
  app.get(
    '/v1/policies',
    {
      config: { permission: 'masterdata:read' },
      schema: { summary: 'Quality policies', querystring: Paged, response: { 200: ref(PolicyPage), default: ref(Problem) } },
    },
    async (request, reply) =>
      (await answerList(request, reply, request.query, {
        read: (behind: PolicyPosition | null, limit) => listPolicies(on, behind, limit),
        position: (row): PolicyPosition => [row.name, row.version],
        parsePosition: policyPosition,
        show: (rows) => rows,
        csv: {
          filename: 'policies.csv',
          columns: ['name', 'version', 'rules', 'created_at'],
          cells: (row) => [row.name, row.version, row.rules, row.created_at],
        },
      })) as never,
  );
}
