import { Type } from 'typebox';
import { ModelPage, ModelVersionPage } from '../../contracts/inference.ts';
import { isPrintable } from '../../contracts/lot-id.ts';
import { isCount, PageQuery, ref } from '../../contracts/primitives.ts';
import { Problem } from '../../contracts/problems.ts';
import { type Database, reads } from '../../platform/db/database.ts';
import type { App } from '../../platform/http/app.ts';
import { sendCsv, wantsCsv } from '../../platform/http/csv.ts';
import { decodeCursor, pageOf } from '../../platform/http/paging.ts';
import { ProblemError } from '../../platform/problem.ts';
import type { ModelRuntime } from '../runtime/runtime.ts';
import type { InferenceTables } from '../tables.ts';
import { ModelParams, modelOf } from './name.ts';
import { listModels, listVersions } from './queries.ts';

const Query = Type.Object({ ...PageQuery }, { additionalProperties: false });
/** A registry is small: the file of it is read at once. */
const ALL = 10_000;
const name = (value: unknown) => (typeof value === 'string' && isPrintable(value) ? value : undefined);
const version = (value: unknown) => (isCount(value) ? value : undefined);

/** GET /v1/models and the versions of one. `runtime` is null until the models are loaded. */
export function modelRoutes(app: App, { db, runtime }: { db: Database; runtime: () => ModelRuntime | null }): void {
  app.get(
    '/v1/models',
    {
      config: { permission: 'inference:read' },
      schema: {
        tags: ['inference'],
        summary: 'Models of the registry',
        querystring: Query,
        response: { 200: ref(ModelPage), default: ref(Problem) },
      },
    },
    async (request, reply) => {
      const { limit = 20, cursor } = request.query;
      const after = decodeCursor(cursor, name);
      const engine = runtime();
      const show = (row: Awaited<ReturnType<typeof listModels>>[number]) => ({
        ...row,
        runtime: engine?.name ?? 'none',
        ready: engine !== null && row.production_version !== null && engine.ready(row.name, row.production_version),
      });
      const csv = wantsCsv(request);
      const rows = await listModels(reads<InferenceTables>(db), after, csv ? ALL : limit + 1);
      if (!csv) return pageOf(rows, limit, show, (row) => row.name);
      const header = ['name', 'production_version', 'versions', 'runtime', 'ready', 'canary_version', 'shadow_version'] as const;
      const cells = rows.map(show).map((row) => header.map((column) => row[column]));
      return sendCsv(reply, header, cells, 'models.csv') as never;
    },
  );
  app.get(
    '/v1/models/:name/versions',
    {
      config: { permission: 'inference:read' },
      schema: {
        tags: ['inference'],
        summary: 'Versions of a model: stage, thresholds, measured accuracy',
        params: ModelParams,
        querystring: Query,
        response: { 200: ref(ModelVersionPage), default: ref(Problem) },
      },
    },
    async (request, reply) => {
      const { limit = 20, cursor } = request.query;
      const before = decodeCursor(cursor, version);
      const on = reads<InferenceTables>(db);
      const model = modelOf(request.params);
      const csv = wantsCsv(request);
      const rows = await listVersions(on, model, before, csv ? ALL : limit + 1);
      if (rows.length === 0 && (await listVersions(on, model, null, 1)).length === 0) throw new ProblemError('not_found');
      if (!csv)
        return pageOf(
          rows,
          limit,
          (row) => row,
          (row) => row.version,
        );
      const header = ['model', 'version', 'stage', 'sha256', 'registered_at', 'stage_since', 'canary_percent'] as const;
      const cells = rows.map((row) => header.map((column) => row[column]));
      return sendCsv(reply, header, cells, 'model-versions.csv') as never;
    },
  );
}
