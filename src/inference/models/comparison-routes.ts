import { ComparisonList, Disagreement, DisagreementPage, DisagreementQuery, SettleRequest } from '../../contracts/models.ts';
import { IdParams, ref } from '../../contracts/primitives.ts';
import { Problem } from '../../contracts/problems.ts';
import type { App } from '../../platform/http/app.ts';
import { requireUuid } from '../../platform/http/ids.ts';
import { answerList } from '../../platform/paged-list.ts';
import type { Governing } from './governing.ts';
import { ModelParams, modelOf } from './name.ts';

/** A shadow or canary beside production, and the boards that a person is to settle. */
export function comparisonRoutes(app: App, governing: Governing): void {
  app.get(
    '/v1/models/:name/comparison',
    {
      config: { permission: 'inference:read', class: 'read' },
      schema: {
        tags: ['inference'],
        summary: 'Shadow and canary beside production, since their stage began',
        params: ModelParams,
        response: { 200: ref(ComparisonList), default: ref(Problem) },
      },
    },
    async (request) => await governing.comparison(modelOf(request.params)),
  );
  app.get(
    '/v1/models/:name/disagreements',
    {
      config: { permission: 'inference:read', class: 'read' },
      schema: {
        tags: ['inference'],
        summary: 'Boards that two versions called otherwise, newest first',
        params: ModelParams,
        querystring: DisagreementQuery,
        response: { 200: ref(DisagreementPage), default: ref(Problem) },
      },
    },
    async (request, reply) =>
      await answerList(
        request,
        reply,
        request.query,
        await governing.disagreements(request.caller, modelOf(request.params), request.query),
      ),
  );
  app.post(
    '/v1/model-disagreements/:id',
    {
      config: { permission: 'defects:review', person: true },
      schema: {
        tags: ['inference'],
        summary: 'Say which version was right',
        description: 'May be said again with another mind; each word is recorded. Changes no verdict.',
        params: IdParams,
        body: ref(SettleRequest),
        response: { 200: ref(Disagreement), default: ref(Problem) },
      },
    },
    async (request) => await governing.settle(request.cause(), request.caller, requireUuid(request.params.id), request.body),
  );
}
