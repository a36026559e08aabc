import { InferRequest, Operation, OperationAccepted } from '../contracts/inference.ts';
import { IdParams, ref } from '../contracts/primitives.ts';
import { Problem } from '../contracts/problems.ts';
import { type Database, reads } from '../platform/db/database.ts';
import type { Door } from '../platform/db/door.ts';
import type { App } from '../platform/http/app.ts';
import { etag, expectVersion } from '../platform/http/conditional.ts';
import { requireUuid } from '../platform/http/ids.ts';
import { ProblemError } from '../platform/problem.ts';
import type { Metrics } from '../platform/telemetry/metrics.ts';
import { requestRun } from './request-run.ts';
import type { InferenceTables } from './tables.ts';

/** Of the tag of an operation: each state of each try has its own. */
const STEP = { queued: 1, running: 2, succeeded: 3, failed: 3 } as const;
const PROGRESS = { queued: 0, running: 0.5, succeeded: 1, failed: 1 } as const;

export interface RunRoutesDeps {
  db: Database;
  door: Door;
  productionModel: string;
  metrics: Pick<Metrics, 'inspection'>;
  wake: () => void;
}

/** POST /v1/inspections/{id}/infer and GET /v1/operations/{id}. */
export function runRoutes(app: App, { db, door, productionModel, metrics, wake }: RunRoutesDeps): void {
  app.post(
    '/v1/inspections/:id/infer',
    {
      config: { permission: 'inference:execute', optionalBody: true, ifMatch: true },
      schema: {
        tags: ['inference'],
        summary: 'Ask for a model run',
        description:
          'Each request is an operation of its own. It decides only with the version that judges its lot, on an inspection that nobody has judged and no other run is about to judge; any other run is recorded and changes no verdict. With `If-Match`, only when that version of the inspection is current.',
        params: IdParams,
        body: ref(InferRequest),
        response: { 202: ref(OperationAccepted), default: ref(Problem) },
      },
    },
    async (request, reply) => {
      const id = requireUuid(request.params.id);
      const judgeVersion = (current: number) => expectVersion(request, current);
      const deps = { db, door, productionModel };
      const { accepted, moved } = await requestRun(deps, request.cause(), request.caller, id, request.body ?? {}, judgeVersion);
      if (moved) metrics.inspection(moved.inspection_type, moved.status, moved.station_id);
      wake();
      return reply.code(202).header('location', `/v1/operations/${accepted.operation_id}`).send(accepted);
    },
  );
  app.get(
    '/v1/operations/:id',
    {
      config: { permission: 'authenticated', etag: () => null },
      schema: {
        tags: ['inference'],
        summary: 'State of an operation, for who asked for it',
        params: IdParams,
        response: { 200: ref(Operation), default: ref(Problem) },
      },
    },
    async (request, reply): Promise<Operation> => {
      const id = requireUuid(request.params.id);
      const job = await reads<InferenceTables>(db)
        .selectFrom('inference.job')
        .selectAll()
        .where('operation_id', '=', id)
        .executeTakeFirst();
      if (!job || job.requested_by !== request.caller.subject) throw new ProblemError('not_found');
      etag(reply, 3 * job.attempts + STEP[job.state]);
      return {
        operation_id: job.operation_id,
        status: job.state,
        progress: PROGRESS[job.state],
        inspection_id: job.inspection_id,
        model: job.model,
        version: job.version,
        result: job.state === 'succeeded' ? `/v1/inspections/${job.inspection_id}?include=inference,defects` : null,
        error: job.error,
        created_at: job.created_at.toISOString(),
        finished_at: job.finished_at?.toISOString() ?? null,
      };
    },
  );
}
