import type { Blobs } from '../platform/blob/blobs.ts';
import { type Database, reads } from '../platform/db/database.ts';
import type { Door } from '../platform/db/door.ts';
import type { Slice } from '../platform/slice.ts';
import type { Metrics } from '../platform/telemetry/metrics.ts';
import { inferenceConsumer } from './consumer.ts';
import { type HeatDeps, heatRoutes } from './heat-routes.ts';
import { runtimeMeters } from './meters.ts';
import type { CanaryLimits } from './models/canary-rules.ts';
import { comparisonRoutes } from './models/comparison-routes.ts';
import type { Judge } from './models/count-outcomes.ts';
import { governing } from './models/governing.ts';
import { productionOf } from './models/production.ts';
import { recipeRoutes } from './models/recipe-routes.ts';
import { registerModels } from './models/registry.ts';
import { readRepository, type VerifiedModel } from './models/repository.ts';
import { modelRoutes } from './models/routes.ts';
import { countLooks, secondLooks } from './models/second-looks.ts';
import { goldenBeside, sideOf } from './models/side.ts';
import { stageRoutes } from './models/stage-routes.ts';
import { watchCanary } from './models/watch.ts';
import { protocolRoutes } from './protocol/routes.ts';
import { runRoutes } from './routes.ts';
import { elsewhere } from './runtime/elsewhere.ts';
import { openRuntime, type TritonSettings } from './runtime/open.ts';
import { keyOf, type ModelRuntime } from './runtime/runtime.ts';
import { type SpareEyes, spareEyes } from './spare-eyes.ts';
import type { InferenceTables } from './tables.ts';
import { type Log, openThreads, type Threads } from './threads/pool.ts';
import { watchForModel } from './without-model.ts';
import { jobWorkers, type Workers } from './workers.ts';

export interface InferenceSettings {
  /** Folder of `<name>/<version>/manifest.json` and `model.onnx`. */
  modelsDir: string;
  /** Threads that decode and run; each holds a session of every model. 0: other processes run the models, this one only queues. */
  workers: number;
  /** Longest run of a model in milliseconds. */
  timeoutMs: number;
  /** The model that judges boards; its production version runs when nobody names another. */
  productionModel?: string;
  /** A board for which no process has a model waits for a person after so many milliseconds. */
  noModelMs?: number;
  governed?: Partial<GovernedSettings>;
  /** Longest time that a stop waits for runs in hand, in milliseconds; then they are handed back. */
  graceMs?: number;
  /** Of the program; told to clients of the Open Inference Protocol. */
  version?: string;
  /** Pixels of one board that clients of that protocol may send. */
  maxPixels?: number;
  /** The inference server that runs the models; the threads of this process when left out. */
  triton?: TritonSettings | null;
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
  metrics: Pick<Metrics, 'inferenceSeconds' | 'inspection' | 'add' | 'onScrape'>;
  log: Log;
  /** Aborted from the moment in which the process begins to leave. */
  draining?: AbortSignal;
  /** How a board is judged by its candidates: disposition's word. */
  judge: Judge;
  settings: InferenceSettings;
}

/** Runs that may wait for a thread inside this process: the rest waits in the database. */
const MOST_WAITING = 64;

/** A model looks at it: durable jobs, models with provenance, `inference.completed` or `inference.failed` for each. */
export function inference({ db, door, blobs, metrics, log, draining, judge, settings }: InferenceDeps): Slice {
  const { triton = null } = settings;
  const productionModel = settings.productionModel ?? 'pcb-pair-synth';
  const { limits, watchMs, sideTimeoutMs, backlog, rollbackPauseMs } = { ...USUAL, ...settings.governed };
  const openSide = sideOf({ timeoutMs: sideTimeoutMs, log });
  const beside: { start(): void; stop(): Promise<void> }[] = [];
  let held: readonly VerifiedModel[] = [];
  let runtime: ModelRuntime | null = null;
  let workers: Workers | null = null;
  let threads: Threads | null = null;
  let trouble = (): string | null => null;
  /** Why boards cannot be judged, whatever the runtime says. */
  let lacking = (): string | null => null;
  const meters = runtimeMeters(metrics);
  let eyes: HeatDeps['eyes'] = () => null;
  let spare: SpareEyes | null = null;
  const wake = () => workers?.wake();
  return {
    name: 'inference',
    async routes(app) {
      runRoutes(app, { db, door, productionModel, metrics, wake });
      modelRoutes(app, { db, runtime: () => runtime });
      await protocolRoutes(app, {
        runtime: () => runtime,
        models: () => held.map(({ manifest: { name, version, classes } }) => ({ model: name, version, classes: classes.length })),
        productionOf: (model) => productionOf(reads<InferenceTables>(db), model),
        metrics,
        version: settings.version ?? '0',
        runsHere: settings.workers > 0,
        draining,
        timeoutMs: settings.timeoutMs,
        maxPixels: settings.maxPixels,
      });
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
      heatRoutes(app, { db, eyes: () => eyes() });
    },
    parts: {
      inference() {
        const words = lacking() ?? trouble();
        return words === null ? { status: 'ok' } : { status: 'degraded', detail: words };
      },
    },
    consumers: [inferenceConsumer({ db, door, wake, metrics })],
    background: {
      async start() {
        const { models: found, refused } = await readRepository(settings.modelsDir);
        for (const { folder, reason } of refused) log.error({ folder, reason }, 'model refused');
        const models = await registerModels(door, found, log);
        held = models;
        const without = watchForModel({
          db,
          door,
          log,
          judging: productionModel,
          held: models.map(({ manifest: { name: model, version } }) => ({ model, version })),
          modelsDir: settings.modelsDir,
          patienceMs: settings.noModelMs ?? 900_000,
        });
        await without.look();
        lacking = without.lacking;
        beside.push(without);
        beside.push(watchCanary({ db, door, log, metrics, judging: productionModel, limits, backlog, everyMs: watchMs }));
        if (settings.workers === 0) {
          runtime = elsewhere(models, triton === null ? undefined : 'triton');
          for (const one of beside) one.start();
          spare = spareEyes({ models, pictures: blobs, log, timeoutMs: settings.timeoutMs });
          eyes = spare.open;
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
        const own = { looking: { pictures: blobs, threads, runtime, onRun: () => {} }, models };
        eyes = () => own;
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
        beside.push(
          secondLooks({ db, door, pictures: blobs, log, models, judging: productionModel, openSide, backlog, onLook: countLooks(metrics) }),
        );
        for (const one of beside) one.start();
      },
      async stop() {
        // All are told at once: what opens beside must not take from the time in which runs in hand may end.
        await Promise.all([workers?.stop(), ...beside.map((one) => one.stop())]);
        await runtime?.close();
        await threads?.close();
        await spare?.close();
      },
    },
  };
}
