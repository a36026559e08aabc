import { Recipe, RecipePage, RecipeQuery, RecipeRequest, Simulation, SimulationRequest } from '../../contracts/models.ts';
import { ref } from '../../contracts/primitives.ts';
import { Problem } from '../../contracts/problems.ts';
import type { App } from '../../platform/http/app.ts';
import { answerList } from '../../platform/paged-list.ts';
import type { Governing } from './governing.ts';
import { ModelParams, modelOf } from './name.ts';

/** Thresholds by product and class: what applies, what applied, and what others would have done. */
export function recipeRoutes(app: App, governing: Governing): void {
  app.get(
    '/v1/models/:name/recipes',
    {
      config: { permission: 'inference:read' },
      schema: {
        tags: ['inference'],
        summary: 'Recipes of thresholds by product, newest first',
        params: ModelParams,
        querystring: RecipeQuery,
        response: { 200: ref(RecipePage), default: ref(Problem) },
      },
    },
    async (request, reply) =>
      await answerList(request, reply, request.query, await governing.recipes(modelOf(request.params), request.query)),
  );
  app.post(
    '/v1/models/:name/recipes',
    {
      config: { permission: 'inference:manage' },
      schema: {
        tags: ['inference'],
        summary: 'Make the next recipe of a product',
        description:
          'Applies to every run that is claimed from then on, whatever the version. A class that is left out keeps the threshold of the version that runs; no classes at all: back to its own thresholds.',
        params: ModelParams,
        body: ref(RecipeRequest),
        response: { 201: ref(Recipe), default: ref(Problem) },
      },
    },
    async (request, reply) =>
      reply.code(201).send(await governing.addRecipe(request.cause(), request.caller, modelOf(request.params), request.body)),
  );
  app.post(
    '/v1/models/:name/recipes/simulate',
    {
      config: { permission: 'inference:manage', class: 'export' },
      schema: {
        tags: ['inference'],
        summary: 'What thresholds would have done to boards that were judged',
        description: 'Judges the stored candidates of at most 20,000 boards again, newest first, for at most 8 s. Changes nothing.',
        params: ModelParams,
        body: ref(SimulationRequest),
        response: { 200: ref(Simulation), default: ref(Problem) },
      },
    },
    async (request) => await governing.simulate(request.caller, modelOf(request.params), request.body),
  );
}
