import type { Blobs } from '../platform/blob/blobs.ts';
import { type Database, reads } from '../platform/db/database.ts';
import type { Door } from '../platform/db/door.ts';
import type { Slice } from '../platform/slice.ts';
import type { Metrics } from '../platform/telemetry/metrics.ts';
import { inferenceConsumer } from './consumer.ts';
import { runtimeMeters } from './meters.ts';
import { productionOf } from './models/production.ts';
import { registerModels } from './models/registry.ts';
import { readRepository } from './models/repository.ts';
import { modelRoutes } from './models/routes.ts';
import type { KnownModel } from './protocol/models-here.ts';
import { protocolRoutes } from './protocol/routes.ts';
import { runRoutes } from './routes.ts';
import { elsewhere } from './runtime/elsewhere.ts';
import { openRuntime, type TritonSettings } from './runtime/open.ts';
import { keyOf, type ModelRuntime } from './runtime/runtime.ts';
import type { InferenceTables } from './tables.ts';
import { type Log, openThreads, type Threads } from './threads/pool.ts';
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
  /** Of the program; told to clients of the Open Inference Protocol. */
  version?: string;
  /** Pixels of one board that clients of that protocol may send. */
  maxPixels?: number;
  /** The inference server that runs the models; the threads of this process when left out. */
  triton?: TritonSettings | null;
}

export interface InferenceDeps {
  db: Database;
  door: Door;
  blobs: Pick<Blobs, 'read'>;
  metrics: Pick<Metrics, 'inferenceSeconds' | 'inspection' | 'add' | 'onScrape'>;
  log: Log;
  /** Aborted from the moment in which the process begins to leave. */
  draining?: AbortSignal;
  settings: InferenceSettings;
}

/** Runs that may wait for a thread inside this process: the rest waits in the database. */
const MOST_WAITING = 64;

/** A model looks at it: durable jobs, models with provenance, `inference.completed` or `inference.failed` for each. */
export function inference({ db, door, blobs, metrics, log, draining, settings }: InferenceDeps): Slice {
  const { triton = null } = settings;
  const productionModel = settings.productionModel ?? 'pcb-pair-synth';
  let runtime: ModelRuntime | null = null;
  let workers: Workers | null = null;
  let known: KnownModel[] = [];
  let threads: Threads | null = null;
  let trouble = (): string | null => null;
  const meters = runtimeMeters(metrics);
  const wake = () => workers?.wake();
  return {
    name: 'inference',
    async routes(app) {
      runRoutes(app, { db, door, productionModel, metrics, wake });
      modelRoutes(app, { db, runtime: () => runtime });
      await protocolRoutes(app, {
        runtime: () => runtime,
        models: () => known,
        productionOf: (model) => productionOf(reads<InferenceTables>(db), model),
        metrics,
        version: settings.version ?? '0',
        runsHere: settings.workers > 0,
        draining,
        timeoutMs: settings.timeoutMs,
        maxPixels: settings.maxPixels,
      });
    },
    parts: {
      inference() {
        const words = trouble();
        return words === null ? { status: 'ok' } : { status: 'degraded', detail: words };
      },
    },
    consumers: [inferenceConsumer({ db, door, wake, metrics })],
    background: {
      async start() {
        const { models: found, refused } = await readRepository(settings.modelsDir);
        for (const { folder, reason } of refused) log.error({ folder, reason }, 'model refused');
        const models = await registerModels(door, found, log);
        known = models.map(({ manifest }) => ({ model: manifest.name, version: manifest.version, classes: manifest.classes.length }));
        if (settings.workers === 0) {
          runtime = elsewhere(models, triton === null ? undefined : 'triton');
          return;
        }
        threads = openThreads({
          size: settings.workers,
          maxQueue: MOST_WAITING,
          timeoutMs: settings.timeoutMs,
          // Where a server runs the models the threads only decode pictures.
          models: (triton === null || triton.fallback ? models : []).map(({ manifest, bytes }) => ({
            session: keyOf(manifest.name, manifest.version),
            bytes,
          })),
          log,
        });
        ({ runtime, trouble } = await openRuntime({ ...settings, threads, models, triton, meters, log }));
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
          // A server makes batches of what comes at once.
          count: Math.max(settings.workers, triton?.concurrency ?? 0),
          graceMs: settings.graceMs ?? 5000,
        });
        workers.start();
      },
      async stop() {
        await workers?.stop();
        await runtime?.close();
        await threads?.close();
      },
    },
  };
}
