import type { Blobs } from '../platform/blob/blobs.ts';
import type { Database } from '../platform/db/database.ts';
import type { Door } from '../platform/db/door.ts';
import type { Slice } from '../platform/slice.ts';
import type { Metrics } from '../platform/telemetry/metrics.ts';
import { inferenceConsumer } from './consumer.ts';
import { comparisonRoutes } from './models/comparison-routes.ts';
import { governing } from './models/governing.ts';
import { recipeRoutes } from './models/recipe-routes.ts';
import { registerModels } from './models/registry.ts';
import { readRepository } from './models/repository.ts';
import { modelRoutes } from './models/routes.ts';
import { stageRoutes } from './models/stage-routes.ts';
import { runRoutes } from './routes.ts';
import { elsewhere } from './runtime/elsewhere.ts';
import { onnxRuntime } from './runtime/onnx.ts';
import { keyOf, type ModelRuntime } from './runtime/runtime.ts';
import { type Log, openThreads } from './threads/pool.ts';
import { jobWorkers, type Workers } from './workers.ts';

export interface InferenceSettings {
  /** Folder of `<name>/manifest.json` and `<name>/<version>/model.onnx`. */
  modelsDir: string;
  /** Threads that decode and run; each holds a session of every model. 0: other processes run the models, this one only queues. */
  workers: number;
  /** Longest run of a model in milliseconds. */
  timeoutMs: number;
  /** The model that judges boards; its production version runs when nobody names another. */
  productionModel?: string;
  /** Longest time that a stop waits for runs in hand, in milliseconds; then they are handed back. */
  graceMs?: number;
}

export interface InferenceDeps {
  db: Database;
  door: Door;
  blobs: Pick<Blobs, 'read'>;
  metrics: Pick<Metrics, 'inferenceSeconds' | 'inspection'>;
  log: Log;
  settings: InferenceSettings;
}

/** Runs that may wait for a thread inside this process: the rest waits in the database. */
const MOST_WAITING = 64;

/** A model looks at it: durable jobs, models with provenance, `inference.completed` or `inference.failed` for each. */
export function inference({ db, door, blobs, metrics, log, settings }: InferenceDeps): Slice {
  const productionModel = settings.productionModel ?? 'pcb-pair-synth';
  let runtime: ModelRuntime | null = null;
  let workers: Workers | null = null;
  const wake = () => workers?.wake();
  return {
    name: 'inference',
    routes(app) {
      runRoutes(app, { db, door, productionModel, metrics, wake });
      modelRoutes(app, { db, runtime: () => runtime });
      const governed = governing();
      for (const routes of [stageRoutes, recipeRoutes, comparisonRoutes]) routes(app, governed);
    },
    consumers: [inferenceConsumer({ db, door, wake, metrics })],
    background: {
      async start() {
        const { models: found, refused } = await readRepository(settings.modelsDir);
        for (const { folder, reason } of refused) log.error({ folder, reason }, 'model refused');
        const models = await registerModels(door, found, log);
        if (settings.workers === 0) {
          runtime = elsewhere(models);
          return;
        }
        const threads = openThreads({
          size: settings.workers,
          maxQueue: MOST_WAITING,
          timeoutMs: settings.timeoutMs,
          models: models.map(({ manifest, bytes }) => ({ session: keyOf(manifest.name, manifest.version), bytes })),
          log,
        });
        runtime = onnxRuntime(threads, models);
        workers = jobWorkers({
          db,
          door,
          log,
          models,
          productionModel,
          threads,
          runtime,
          pictures: blobs,
          onRun: (model_name, batchSize, seconds) =>
            metrics.inferenceSeconds.observe({ model_name, batch_size: String(batchSize) }, seconds),
          count: settings.workers,
          graceMs: settings.graceMs ?? 5000,
        });
        workers.start();
      },
      async stop() {
        await workers?.stop();
        await runtime?.close();
      },
    },
  };
}
