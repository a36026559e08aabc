import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type Database, reads } from '../platform/db/database.ts';
import type { Door } from '../platform/db/door.ts';
import { completeRun, failRun, LeaseLost } from './finish-run.ts';
import { claimJob, handBack, type Job, LEASE_SECONDS, MOST_ATTEMPTS, noteFault, renewLease } from './jobs.ts';
import { type LookDeps, look, PicturesAway, Unfit } from './look.ts';
import { recipeOfLot, thresholdsUnder } from './models/recipes.ts';
import type { VerifiedModel } from './models/repository.ts';
import { keyOf, type ModelRuntime, RunFailed, RuntimeAway } from './runtime/runtime.ts';
import type { InferenceTables } from './tables.ts';
import type { Log } from './threads/pool.ts';

export interface WorkersDeps extends LookDeps {
  runtime: ModelRuntime;
  db: Database;
  door: Door;
  log: Log;
  models: readonly VerifiedModel[];
  productionModel: string;
  /** Runs in hand at once. */
  count: number;
  /** Longest time that `stop` waits for runs in hand before it hands them back. */
  graceMs: number;
}

export interface Workers {
  start(): void;
  /** A run was queued in this process: look now instead of at the next poll. */
  wake(): void;
  stop(): Promise<void>;
}

/** Runs that other processes queue are seen this late at most; after a fault of the database a little later. */
const POLL_MS = 200;
const FAULT_MS = 1000;

/** The version itself gave no answer, or one that cannot be read: what a canary is judged by. */
class VersionFailed extends RunFailed {}

const taken = (job: Job) => new LeaseLost(`operation ${job.operation_id} was taken over`);

function givenUp(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = () => reject(new RuntimeAway('given up'));
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}

/** Claim, look, tell: no transaction is open while a model runs. Two processes may share one queue; each run ends once. */
export function jobWorkers(deps: WorkersDeps): Workers {
  const { db, door, log, runtime } = deps;
  const owner = `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`;
  const byKey = new Map(deps.models.map((model) => [keyOf(model.manifest.name, model.manifest.version), model]));
  const held = deps.models.flatMap(({ manifest }) => (manifest.name === deps.productionModel ? [manifest.version] : []));
  const stopping = new AbortController();
  const giveUp = new AbortController();
  const sleepers = new Set<() => void>();
  let loops: Promise<void>[] = [];

  function rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wakeUp = () => {
        clearTimeout(timer);
        sleepers.delete(wakeUp);
        resolve();
      };
      const timer = setTimeout(wakeUp, ms);
      sleepers.add(wakeUp);
    });
  }
  const wake = () => {
    for (const wakeUp of [...sleepers]) wakeUp();
  };

  async function perform(job: Job, signal: AbortSignal): Promise<void> {
    if (job.attempts > MOST_ATTEMPTS) throw new VersionFailed(`the run was begun ${MOST_ATTEMPTS} times and its process ended each time`);
    const model = byKey.get(keyOf(job.model, job.version));
    if (!model) throw new RuntimeAway(`${job.model} version ${job.version} is not loaded`);
    const began = performance.now();
    const queued = Math.max(Date.now() - job.created_at.getTime(), 0);
    const answered = new Set<string>();
    let tile = 0;
    const infer: ModelRuntime['infer'] = (request) =>
      runtime.infer({ ...request, id: `${job.operation_id}/${tile++}`, answeredBy: (name) => answered.add(name) });
    // Pictures are read and decoded before the first tile is asked for: what fails from there on is the version.
    const itsOwn = (error: unknown): never => {
      if (tile === 0 || error instanceof RuntimeAway) throw error;
      throw new VersionFailed(error instanceof Error ? error.message : String(error), { cause: error });
    };
    const { candidates, timingsMs, features } = await look(
      { ...deps, runtime: { infer } },
      model,
      { image: job.image_sha256, reference: job.reference_sha256 },
      { signal, priority: job.priority },
    ).catch(itsOwn);
    const total = Number((performance.now() - began).toFixed(2));
    const recipe = await recipeOfLot(reads<InferenceTables>(db), job.model, job.site, job.lot_id);
    await completeRun(door, owner, job, {
      candidates,
      thresholds: thresholdsUnder(model.manifest.thresholds, recipe),
      recipe: recipe && { product: recipe.product, version: recipe.version },
      modelSha256: model.manifest.sha256,
      // More than one when the server went away between two tiles of a board.
      runtime: [...answered].join(', ') || runtime.name,
      timingsMs: { queued, ...timingsMs, total },
      features,
    });
  }

  async function settle(job: Job, error: unknown): Promise<void> {
    const words = error instanceof Error ? error.message : String(error);
    const about = { operation_id: job.operation_id, inspection_id: job.inspection_id, attempt: job.attempts, error: words };
    if (error instanceof LeaseLost) return log.warn(about, 'inference run was taken over');
    if (error instanceof Unfit) {
      log.warn({ ...about, reason: error.reason }, 'inference run not possible');
      return await failRun(door, owner, job, error.reason, words);
    }
    if (error instanceof RuntimeAway || giveUp.signal.aborted) {
      await handBack(db, owner, job.operation_id, { counts: false, waitMs: stopping.signal.aborted ? 0 : FAULT_MS, error: words });
      // The next run would ask the same store.
      if (error instanceof PicturesAway && !stopping.signal.aborted) await rest(FAULT_MS);
      return;
    }
    log.error(about, 'inference run failed');
    if (job.decides && error instanceof VersionFailed) await noteFault(db, job, words);
    if (job.attempts >= MOST_ATTEMPTS) return await failRun(door, owner, job, 'model_failed', words);
    await handBack(db, owner, job.operation_id, { counts: true, waitMs: 500 * 2 ** job.attempts, error: words });
  }

  async function work(job: Job): Promise<void> {
    const lost = new AbortController();
    const signal = AbortSignal.any([giveUp.signal, lost.signal]);
    const beat = setInterval(
      () => {
        renewLease(db, owner, job.operation_id).then(
          (ours) => {
            if (!ours) lost.abort();
          },
          (error: unknown) => log.warn({ err: error, operation_id: job.operation_id }, 'lease of a run not renewed'),
        );
      },
      (LEASE_SECONDS * 1000) / 3,
    );
    const performing = perform(job, signal);
    try {
      // A model's run cannot be broken off: it is left to itself, and what it says later finds the lease gone.
      performing.catch(() => {});
      await Promise.race([performing, givenUp(signal)]).catch((error: unknown) => settle(job, lost.signal.aborted ? taken(job) : error));
    } finally {
      clearInterval(beat);
    }
  }

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        const ready = runtime.models().filter((key) => runtime.ready(key.model, key.version));
        const job = ready.length === 0 ? null : await claimJob(db, owner, ready, deps.productionModel, held);
        if (job) await work(job);
        else await rest(POLL_MS);
      } catch (error) {
        // The database is away: what was in hand runs again when its lease is over.
        if (error instanceof LeaseLost) continue;
        log.warn({ err: error }, 'inference workers wait');
        if (!stopping.signal.aborted) await rest(FAULT_MS);
      }
    }
  }

  return {
    start() {
      loops = Array.from({ length: deps.count }, loop);
    },
    wake,
    async stop() {
      stopping.abort();
      wake();
      const timer = setTimeout(() => giveUp.abort(), deps.graceMs);
      await Promise.all(loops);
      clearTimeout(timer);
    },
  };
}
