import { Type } from 'typebox';
import { ModelVersion } from '../../contracts/inference.ts';
import { ModelVersionDetail, RollbackRequest, StageRequest } from '../../contracts/models.ts';
import { ref } from '../../contracts/primitives.ts';
import { Problem } from '../../contracts/problems.ts';
import type { App } from '../../platform/http/app.ts';
import { etag, expectVersion } from '../../platform/http/conditional.ts';
import { ProblemError } from '../../platform/problem.ts';
import type { KeptAnswer } from './change-stage.ts';
import type { Governing } from './governing.ts';
import { ModelParams, modelOf } from './name.ts';

const VersionParams = Type.Object({ name: Type.String({ maxLength: 200 }), version: Type.String({ maxLength: 20 }) });

/** Of answers that were kept before they had it: none. */
const tagOf = (kept: Partial<KeptAnswer>): number | null => kept.stages ?? null;

/** @throws ProblemError not_found for what is no version number */
function versionOf(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new ProblemError('not_found');
  return Number(text);
}

/** One version of a model, its stage, and the way back. */
export function stageRoutes(app: App, governing: Governing): void {
  app.get(
    '/v1/models/:name/versions/:version',
    {
      config: { permission: 'inference:read', etag: () => null },
      schema: {
        tags: ['inference'],
        summary: 'All that is known of a version of a model',
        params: VersionParams,
        response: { 200: ref(ModelVersionDetail), default: ref(Problem) },
      },
    },
    async (request, reply) => {
      const { shown, version } = await governing.detail(modelOf(request.params), versionOf(request.params.version));
      etag(reply, version);
      return shown;
    },
  );
  app.post(
    '/v1/models/:name/versions/:version/stage',
    {
      config: { permission: 'inference:manage', etag: tagOf, ifMatch: true },
      schema: {
        tags: ['inference'],
        summary: 'Move a version to another stage',
        description:
          'draft to shadow, canary or retired; shadow to canary, draft or retired; canary to production, shadow or retired; retired to shadow. A version that goes to production retires the one that was there. To canary and production only a version whose bytes have the registered hash, that answers its golden example, and that was not rolled back lately (409 names the rule). With `If-Match`, only while no stage of the model has changed since.',
        params: VersionParams,
        body: ref(StageRequest),
        response: { 200: ref(ModelVersion), default: ref(Problem) },
      },
    },
    async (request, reply) => {
      const { params, body } = request;
      const judgeVersion = (current: number) => expectVersion(request, current);
      const { shown, version } = await governing.stage(request.cause(), modelOf(params), versionOf(params.version), body, judgeVersion);
      etag(reply, version);
      return shown;
    },
  );
  app.post(
    '/v1/models/:name/rollback',
    {
      config: { permission: 'inference:manage', etag: tagOf, ifMatch: true },
      schema: {
        tags: ['inference'],
        summary: 'Back to the version that was in production before',
        description:
          'Answers the version that is in production now. Lots that the withdrawn version judged go on with it. With `from` only while that version is in production, with `If-Match` only while no stage of the model has changed since: two who roll back at once go one step back. Never to a version that was taken back itself.',
        params: ModelParams,
        body: ref(RollbackRequest),
        response: { 200: ref(ModelVersion), default: ref(Problem) },
      },
    },
    async (request, reply) => {
      const judgeVersion = (current: number) => expectVersion(request, current);
      const { shown, version } = await governing.rollback(request.cause(), modelOf(request.params), request.body, judgeVersion);
      etag(reply, version);
      return shown;
    },
  );
}
