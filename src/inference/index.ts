import type { Blobs } from '../platform/blob/blobs.ts';
import type { Database } from '../platform/db/database.ts';
import type { Door } from '../platform/db/door.ts';
import type { Slice } from '../platform/slice.ts';
import type { Metrics } from '../platform/telemetry/metrics.ts';
import { inferenceConsumer } from './consumer.ts';
import { type HeatDeps, heatRoutes } from './heat-routes.ts';
import type { CanaryLimits } from './models/canary-rules.ts';
import { comparisonRoutes } from './models/comparison-routes.ts';
import { governing } from './models/governing.ts';
import { recipeRoutes } from './models/recipe-routes.ts';
import { registerModels } from './models/registry.ts';
import { readRepository, type VerifiedModel } from './models/repository.ts';
import { modelRoutes } from './models/routes.ts';
import { countLooks, secondLooks } from './models/second-looks.ts';
import { goldenBeside, sideOf } from './models/side.ts';
import type { Judge } from './models/simulation.ts';
import { stageRoutes } from './models/stage-routes.ts';
import { watchCanary } from './models/watch.ts';
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
  governed?: Partial<GovernedSettings>;
  /** Longest time that a stop waits for runs in hand, in milliseconds; then they are handed back. */
  graceMs?: number;
}

/** How versions beside production are watched and compared. */
export interface GovernedSettings {
  limits: CanaryLimits;
  watchMs: number;
  sideTimeoutMs: number;
  backlog: number;
  rollbackPauseMs: number;
}
const USUAL: GovernedSettings = {
  limits: { minBoards: 20, errorShare: 0.05, latencyRatio: 2, disagreement: 0.2 },
  watchMs: 5000,
  sideTimeoutMs: 10_000,
  backlog: 100,
  rollbackPauseMs: 1_800_000,
};

export interface InferenceDeps {
  db: Database;
  door: Door;
  blobs: Pick<Blobs, 'read'>;
  metrics: Pick<Metrics, 'inferenceSeconds' | 'inspection' | 'add'>;
  log: Log;
  /** How a board is judged by its candidates: disposition's word. */
  judge: Judge;
  settings: InferenceSettings;
}

/** Runs that may wait for a thread inside this process: the rest waits in the database. */
const MOST_WAITING = 64;

/** A model looks at it: durable jobs, models with provenance, `inference.completed` or `inference.failed` for each. */
export function inference({ db, door, blobs, metrics, log, judge, settings }: InferenceDeps): Slice {
  const productionModel = settings.productionModel ?? 'pcb-pair-synth';
  const { limits, watchMs, sideTimeoutMs, backlog, rollbackPauseMs } = { ...USUAL, ...settings.governed };
  const openSide = sideOf({ timeoutMs: sideTimeoutMs, log });
  const beside: { start(): void; stop(): Promise<void> }[] = [];
  let held: readonly VerifiedModel[] = [];
  let runtime: ModelRuntime | null = null;
  let workers: Workers | null = null;
  let eyes: ReturnType<HeatDeps['eyes']> = null;
  const wake = () => workers?.wake();
  return {
    name: 'inference',
    routes(app) {
      runRoutes(app, { db, door, productionModel, metrics, wake });
      modelRoutes(app, { db, runtime: () => runtime });
      const governed = governing({
        db,
        door,
        judge,
        backlog,
        rollbackPauseMs,
        held: () => held,
        tryGolden: goldenBeside(openSide),
        ready: (model, version) => runtime?.ready(model, version) ?? false,
      });
      for (const routes of [stageRoutes, recipeRoutes, comparisonRoutes]) routes(app, governed);
      heatRoutes(app, { db, eyes: () => eyes });
    },
    consumers: [inferenceConsumer({ db, door, wake, metrics })],
    background: {
      async start() {
        const { models: found, refused } = await readRepository(settings.modelsDir);
        for (const { folder, reason } of refused) log.error({ folder, reason }, 'model refused');
        const models = await registerModels(door, found, log);
        held = models;
        beside.push(watchCanary({ db, door, log, metrics, judging: productionModel, limits, backlog, everyMs: watchMs }));
        if (settings.workers === 0) {
          runtime = elsewhere(models);
          for (const one of beside) one.start();
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
        eyes = { looking: { pictures: blobs, threads, runtime, onRun: () => {} }, models };
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
        beside.push(
          secondLooks({ db, pictures: blobs, log, models, judging: productionModel, openSide, backlog, onLook: countLooks(metrics) }),
        );
        for (const one of beside) one.start();
      },
      async stop() {
        await Promise.all(beside.map((one) => one.stop()));
        await workers?.stop();
        await runtime?.close();
      },
    },
  };
}
