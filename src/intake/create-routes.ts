import { Inspection, InspectionCreate } from '../contracts/inspections.ts';
import { ref } from '../contracts/primitives.ts';
import type { App } from '../platform/http/app.ts';
import { ProblemError } from '../platform/problem.ts';
import type { Plant } from './plant.ts';
import type { Recorder } from './record-inspection.ts';
import { judgeCreate } from './rules.ts';

export const locationOf = (id: string): string => `/v1/inspections/${id}`;

/** `POST /v1/inspections`: the hot path. One look at the last attempt, one statement, 201. */
export function createRoutes(app: App, { plant, recorder }: { plant: Plant; recorder: Pick<Recorder, 'record'> }): void {
  app.route({
    method: 'POST',
    url: '/v1/inspections',
    config: { permission: 'inspections:write', class: 'create', lean: true, etag: true },
    schema: {
      tags: ['inspections'],
      summary: 'Post an inspection',
      description:
        'Opens its lot when it is unknown. `lot_id` is upper-cased first. Site and station are those of the token; a person may name a station of their site in `station_metadata.station_id`. A visual inspection is judged when its picture and a golden template are there, the others when measurements are posted.',
      body: ref(InspectionCreate),
      response: { 201: ref(Inspection) },
    },
    async handler(request, reply) {
      const known = plant.now();
      const judged = judgeCreate(request.body, request.caller, known instanceof Promise ? await known : known);
      if (Array.isArray(judged)) throw new ProblemError('validation_error', { details: judged });
      const [made] = await recorder.record({
        cause: request.cause(),
        accepted: [judged],
        caller: request.caller,
        answerOf: ([one]) => ({ status: 201, location: locationOf(one?.value.id ?? ''), body: one }),
      });
      if (!made) throw new Error('nothing was recorded');
      reply.sendText({ status: 201, text: made.text, location: locationOf(made.value.id), version: made.value.version });
    },
  });
}
