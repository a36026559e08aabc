import { Inspection, InspectionCancel, InspectionStart } from '../contracts/inspections.ts';
import { IdParams, ref } from '../contracts/primitives.ts';
import type { Door } from '../platform/db/door.ts';
import type { App } from '../platform/http/app.ts';
import { etag, expectVersion } from '../platform/http/conditional.ts';
import { requireUuid } from '../platform/http/ids.ts';
import type { Metrics } from '../platform/telemetry/metrics.ts';
import { changeState } from './change-state.ts';

export interface StateDeps {
  door: Door;
  metrics: Pick<Metrics, 'inspection'>;
}

/** `start` and `cancel`; `complete` is a judgement and belongs to disposition. */
export function stateRoutes(app: App, { door, metrics }: StateDeps): void {
  const count = (one: Inspection) => metrics.inspection(one.inspection_type, one.status, one.station_id);

  app.route({
    method: 'POST',
    url: '/v1/inspections/:id/start',
    config: { permission: 'inspections:write', optionalBody: true, etag: true, ifMatch: true },
    schema: {
      tags: ['inspections'],
      summary: 'Start an inspection',
      description:
        'From `pending`; anything else is 409: what waits for a person is reviewed, judged by hand, or looked at by another run. With `If-Match`, only when that version is current.',
      params: IdParams,
      body: ref(InspectionStart),
      response: { 200: ref(Inspection) },
    },
    async handler(request, reply) {
      const id = requireUuid(request.params.id);
      const step = { type: 'inspection.started', becomes: 'in_progress', reason: null, from: ['pending'] } as const;
      const judgeVersion = (current: number) => expectVersion(request, current);
      const moved = await changeState(door, request.cause(), step, { id, sight: request.caller, judgeVersion });
      count(moved);
      etag(reply, moved.version);
      return reply.send(moved);
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/inspections/:id/cancel',
    config: { permission: 'inspections:write', etag: true, ifMatch: true },
    schema: {
      tags: ['inspections'],
      summary: 'Cancel an inspection',
      description:
        'Whatever is not completed or cancelled yet can be cancelled; else 409. A board with a defect that a person has confirmed is judged, not cancelled: 409.',
      params: IdParams,
      body: ref(InspectionCancel),
      response: { 200: ref(Inspection) },
    },
    async handler(request, reply) {
      const id = requireUuid(request.params.id);
      const step = { type: 'inspection.cancelled', becomes: 'cancelled', reason: request.body.reason } as const;
      const judgeVersion = (current: number) => expectVersion(request, current);
      const moved = await changeState(door, request.cause(), step, { id, sight: request.caller, judgeVersion });
      count(moved);
      etag(reply, moved.version);
      return reply.send(moved);
    },
  });
}
