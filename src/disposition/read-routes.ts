import { Type } from 'typebox';
import { DefectList } from '../contracts/defects.ts';
import { PolicyPage } from '../contracts/masterdata.ts';
import { IdParams, PageQuery, ref } from '../contracts/primitives.ts';
import { Problem } from '../contracts/problems.ts';
import { ReviewPage, ReviewQuery } from '../contracts/review.ts';
import { type Database, reads } from '../platform/db/database.ts';
import type { App } from '../platform/http/app.ts';
import { sendCsv, wantsCsv } from '../platform/http/csv.ts';
import { requireUuid } from '../platform/http/ids.ts';
import { decodeCursor, pageOf } from '../platform/http/paging.ts';
import { isUuid } from '../platform/id.ts';
import { ProblemError } from '../platform/problem.ts';
import { maySee } from './case.ts';
import { listDefects, shownDefect } from './defects.ts';
import { listPolicies, policyPosition } from './policies.ts';
import { positionOf, queueItems, queuePosition, readQueue } from './review-queue.ts';
import type { DispositionTables } from './tables.ts';

const Paged = Type.Object({ ...PageQuery }, { additionalProperties: false });
/** Rows of a list that is sent as a file; these lists are short by nature. */
const FILE_ROWS = 10_000;
const uuid = (value: unknown) => (typeof value === 'string' && isUuid(value) ? value : undefined);

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
      const { limit = 20, cursor } = request.query;
      const after = decodeCursor(cursor, uuid);
      const id = requireUuid(request.params.id);
      const inspection = await on
        .selectFrom('intake.inspection_now')
        .select(['site', 'station_id'])
        .where('id', '=', id)
        .executeTakeFirst();
      if (!inspection || !maySee(request.caller, inspection)) throw new ProblemError('not_found');
      const csv = wantsCsv(request);
      const rows = await listDefects(on, id, after, csv ? FILE_ROWS : limit + 1);
      if (!csv) return pageOf(rows, limit, shownDefect, (row) => row.id);
      const header = [
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
      const cells = rows.map((row) => header.map((name) => row[name]));
      return sendCsv(reply, header, cells, `defects-${id}.csv`) as never;
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
      const { limit = 20, cursor, kind = null } = request.query;
      const after = decodeCursor(cursor, queuePosition);
      const csv = wantsCsv(request);
      const rows = await readQueue(on, { caller: request.caller, kind }, after, csv ? FILE_ROWS : limit + 1);
      if (csv) {
        const cells = rows.map((row) => [
          row.id,
          row.site,
          row.lot_id,
          row.chip_id,
          row.inspection_type,
          row.why,
          row.worst_rank,
          row.since,
          row.kind,
        ]);
        const header = ['inspection_id', 'site', 'lot_id', 'chip_id', 'inspection_type', 'why', 'severity_rank', 'waiting_since', 'kind'];
        return sendCsv(reply, header, cells, 'review-queue.csv') as never;
      }
      const page = pageOf(rows, limit, (row) => row, positionOf);
      return { ...page, data: await queueItems(on, page.data) };
    },
  );
  app.get(
    '/v1/policies',
    {
      config: { permission: 'masterdata:read' },
      schema: { summary: 'Quality policies', querystring: Paged, response: { 200: ref(PolicyPage), default: ref(Problem) } },
    },
    async (request, reply) => {
      const { limit = 20, cursor } = request.query;
      const csv = wantsCsv(request);
      const rows = await listPolicies(on, decodeCursor(cursor, policyPosition), csv ? FILE_ROWS : limit + 1);
      if (!csv)
        return pageOf(
          rows,
          limit,
          (row) => row,
          (row) => [row.name, row.version],
        );
      const cells = rows.map((row) => [row.name, row.version, row.rules, row.created_at]);
      return sendCsv(reply, ['name', 'version', 'rules', 'created_at'], cells, 'policies.csv') as never;
    },
  );
}
