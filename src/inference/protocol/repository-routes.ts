import { Type } from 'typebox';
import { RepositoryIndex } from '../../contracts/open-inference.ts';
import { ref } from '../../contracts/primitives.ts';
import type { App } from '../../platform/http/app.ts';
import { invalid, ProblemError } from '../../platform/problem.ts';
import type { ModelsHere } from './models-here.ts';

/** A request to the repository is a few words. */
const MOST = 4096;

/** Whether only models that are ready are wanted. @throws ProblemError validation_error */
function readyOnly(body: unknown): boolean {
  if (body === undefined || (body as Uint8Array).byteLength === 0) return false;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body as Uint8Array).toString('utf8'));
  } catch {
    throw new ProblemError('malformed_json');
  }
  const ready = typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as { ready?: unknown }).ready : null;
  if (ready !== undefined && typeof ready !== 'boolean') throw invalid('ready', 'must be true or false', 'type');
  return ready ?? false;
}

/**
 * Triton's repository addresses. Which models there are is decided by the registry, with its audit trail: a load of a known model finds it loaded, an
 * unload is refused.
 */
export function repositoryRoutes(app: App, { here }: { here: ModelsHere }): void {
  const Model = Type.Object({ model: Type.String() });
  const optional = { errors: 'message', consumes: { 'application/json': { type: 'object' } } } as const;

  app.post(
    '/v2/repository/index',
    {
      config: { ...optional, permission: 'inference:read', optionalBody: true },
      bodyLimit: MOST,
      schema: { summary: 'Models and whether they are ready', response: { 200: ref(RepositoryIndex) } },
    },
    async ({ body }) => {
      const wanted = readyOnly(Buffer.isBuffer(body) ? body : undefined);
      return here
        .all()
        .map((known) => ({ known, ready: here.ready(known) }))
        .filter(({ ready }) => ready || !wanted)
        .map(({ known, ready }) => ({
          name: known.model,
          version: String(known.version),
          state: ready ? ('READY' as const) : ('UNAVAILABLE' as const),
          reason: ready ? '' : 'not loaded',
        }));
    },
  );
  app.post(
    '/v2/repository/models/:model/load',
    {
      config: { ...optional, permission: 'inference:execute', optionalBody: true },
      bodyLimit: MOST,
      schema: { summary: 'Nothing to do for a model of the registry', params: Model, response: { 200: Type.Object({}) } },
    },
    async ({ params }) => {
      here.versionsOf(params.model);
      return {};
    },
  );
  app.post(
    '/v2/repository/models/:model/unload',
    {
      config: { ...optional, permission: 'inference:execute', optionalBody: true },
      bodyLimit: MOST,
      schema: { summary: 'Refused: the registry decides which models run', params: Model, response: { 200: Type.Object({}) } },
    },
    async ({ params }) => {
      here.versionsOf(params.model);
      throw new ProblemError('transition_not_allowed', {
        detail: 'The registry decides which models run: retire the version there',
      });
    },
  );
}
