import { Type } from 'typebox';
import { ModelMetadata, ModelReady, ServerLive, ServerMetadata, ServerReady, StatisticsAnswer } from '../../contracts/open-inference.ts';
import { ref } from '../../contracts/primitives.ts';
import type { App } from '../../platform/http/app.ts';
import { describeModel } from './board-contract.ts';
import type { KnownModel, ModelsHere } from './models-here.ts';
import type { Statistics } from './statistics.ts';

/** By their names in Triton's documents. */
const EXTENSIONS = ['binary_tensor_data', 'model_repository', 'schedule_policy', 'statistics'];

const Model = Type.Object({ model: Type.String() });
const Version = Type.Object({ model: Type.String(), version: Type.String() });

export interface MetadataDeps {
  here: ModelsHere;
  statistics: Statistics;
  version: string;
  runsHere: boolean;
  /** Aborted from the moment in which the process begins to leave. */
  draining?: AbortSignal | undefined;
}

/** Health, metadata and statistics. Health is open, as all probes are; the rest needs `inference:read`. */
export function metadataRoutes(app: App, { here, statistics, version, runsHere, draining }: MetadataDeps): void {
  const open = { permission: 'none', errors: 'message' } as const;
  const reading = { permission: 'inference:read', errors: 'message' } as const;
  const isReady = (known: KnownModel) => runsHere && draining?.aborted !== true && here.ready(known);

  app.get('/v2', { config: reading, schema: { summary: 'What this server is', response: { 200: ref(ServerMetadata) } } }, async () => ({
    name: 'chip-quality-platform',
    version,
    extensions: EXTENSIONS,
  }));
  app.get(
    '/v2/health/live',
    { config: open, schema: { summary: 'Whether the process turns', response: { 200: ref(ServerLive) } } },
    async () => ({ live: true }),
  );
  app.get(
    '/v2/health/ready',
    { config: open, schema: { summary: 'Whether a model is ready here', response: { 200: ref(ServerReady), 503: ref(ServerReady) } } },
    async (_request, reply) => {
      const ready = here.all().some(isReady);
      if (!ready) reply.code(503).header('retry-after', '2');
      return { ready };
    },
  );

  const readiness = { 200: ref(ModelReady), 503: ref(ModelReady) };
  const show = (known: KnownModel) => ({ name: known.model, version: String(known.version), ready: isReady(known) });
  app.get(
    '/v2/models/:model/ready',
    { config: open, schema: { summary: 'Whether the version in production is ready', params: Model, response: readiness } },
    async ({ params }, reply) => {
      const answer = show(await here.probe(params.model, undefined));
      return reply.code(answer.ready ? 200 : 503).send(answer);
    },
  );
  app.get(
    '/v2/models/:model/versions/:version/ready',
    { config: open, schema: { summary: 'Whether a version is ready', params: Version, response: readiness } },
    async ({ params }, reply) => {
      const answer = show(await here.probe(params.model, params.version));
      return reply.code(answer.ready ? 200 : 503).send(answer);
    },
  );

  const described = { 200: ref(ModelMetadata) };
  app.get(
    '/v2/models/:model',
    { config: reading, schema: { summary: 'Inputs and outputs of a model', params: Model, response: described } },
    async ({ params }) => {
      const versions = here.versionsOf(params.model);
      const { classes = 0 } = versions.at(-1) ?? {};
      return describeModel(
        params.model,
        versions.map((known) => known.version),
        classes,
      );
    },
  );
  app.get(
    '/v2/models/:model/versions/:version',
    { config: reading, schema: { summary: 'Inputs and outputs of a version', params: Version, response: described } },
    async ({ params }) => {
      const { model, version: found, classes } = await here.find(params.model, params.version);
      return describeModel(model, [found], classes);
    },
  );

  const counted = { 200: ref(StatisticsAnswer) };
  const description = 'Of runs that this process did over the protocol since it began; waiting for a thread is `queue`.';
  app.get('/v2/models/stats', { config: reading, schema: { summary: 'Runs of all models', description, response: counted } }, async () => ({
    model_stats: here.all().map(statistics.of),
  }));
  app.get(
    '/v2/models/:model/stats',
    { config: reading, schema: { summary: 'Runs of a model', description, params: Model, response: counted } },
    async ({ params }) => ({ model_stats: here.versionsOf(params.model).map(statistics.of) }),
  );
  app.get(
    '/v2/models/:model/versions/:version/stats',
    { config: reading, schema: { summary: 'Runs of a version', description, params: Version, response: counted } },
    async ({ params }) => ({ model_stats: [statistics.of(await here.find(params.model, params.version))] }),
  );
}
