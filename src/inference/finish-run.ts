import { sql } from 'kysely';
import type { Candidate, InputFeatures } from '../contracts/inference.ts';
import { lotKey } from '../contracts/lot-id.ts';
import type { Cause, Decided, Door, Transaction } from '../platform/db/door.ts';
import type { Job } from './jobs.ts';
import { callsOf } from './models/agreement.ts';
import type { AppliedRecipe } from './models/recipes.ts';
import type { InferenceTables } from './tables.ts';

export interface RunResult {
  candidates: Candidate[];
  thresholds: Record<string, number>;
  modelSha256: string;
  runtime: string;
  timingsMs: Record<string, number>;
  features: InputFeatures;
  /** Where the thresholds came from; none: the version's own. */
  recipe?: Pick<AppliedRecipe, 'product' | 'version'> | null;
}

/** The run was taken over by another worker: what this one found is of no use any more. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}

const causeOf = (job: Pick<Job, 'trace_id'>): Cause => ({
  actor: { subject: 'system', name: 'inference', kind: 'system' },
  requestId: null,
  traceId: job.trace_id,
});

/** Locks the run and makes sure that it is still ours: with the state in the same commit, a run ends exactly once. */
async function lockOwn(tx: Transaction<InferenceTables>, job: Job, owner: string): Promise<void> {
  const row = await tx
    .selectFrom('inference.job')
    .select(['state', 'lease_owner'])
    .where('operation_id', '=', job.operation_id)
    .forUpdate()
    .executeTakeFirst();
  if (row?.state !== 'running' || row.lease_owner !== owner) throw new LeaseLost(`operation ${job.operation_id} was taken over`);
}

/** The end is of the database's clock, as the inspection's last move is: which came first says whether this word was taken (`inference.decided`). */
async function endJob(
  tx: Transaction<InferenceTables>,
  job: Pick<Job, 'operation_id'>,
  state: 'succeeded' | 'failed',
  error: string | null,
): Promise<void> {
  await tx
    .updateTable('inference.job')
    .set({ state, error, finished_at: sql`clock_timestamp()`, lease_owner: null, leased_until: null })
    .where('operation_id', '=', job.operation_id)
    .execute();
}

/** Keeps the run with its provenance and tells of its findings. @throws LeaseLost */
export async function completeRun(door: Door, owner: string, job: Job, result: RunResult): Promise<void> {
  await door.change<InferenceTables, void>(causeOf(job), async (tx): Promise<Decided<void>> => {
    await lockOwn(tx, job, owner);
    const { operation_id, inspection_id, model, version, image_sha256, reference_sha256, site, lot_id, station_id, decides } = job;
    await tx
      .insertInto('inference.run')
      .values({
        operation_id,
        inspection_id,
        model,
        version,
        image_sha256,
        reference_sha256,
        model_sha256: result.modelSha256,
        runtime: result.runtime,
        thresholds: JSON.stringify(result.thresholds),
        candidates: JSON.stringify(result.candidates),
        timings_ms: JSON.stringify(result.timingsMs),
        features: JSON.stringify(result.features),
        role: job.role,
        decides,
        recipe_product: result.recipe?.product ?? null,
        recipe_version: result.recipe?.version ?? null,
        calls: callsOf(result.candidates, result.thresholds).length,
      })
      .execute();
    await endJob(tx, job, 'succeeded', null);
    const { thresholds, candidates } = result;
    return {
      result: undefined,
      events: [
        {
          type: 'inference.completed',
          site,
          key: lotKey(job),
          aggregate: { type: 'operation', id: operation_id, version: 2 },
          payload: { operation_id, inspection_id, lot_id, station_id, model, version, thresholds, candidates, decides },
        },
      ],
      audit: [
        {
          action: 'inference.completed',
          site,
          object: { type: 'operation', id: operation_id },
          old: { status: 'running' },
          new: {
            status: 'succeeded',
            inspection_id,
            model,
            version,
            model_sha256: result.modelSha256,
            candidates: candidates.length,
            decides,
            ...(job.role === 'canary' ? { role: job.role } : {}),
            ...(result.recipe ? { recipe: result.recipe } : {}),
          },
        },
      ],
    };
  });
}

/** What is told of a run that failed, and of whom. */
type Failed = Pick<Job, 'operation_id' | 'inspection_id' | 'site' | 'lot_id' | 'station_id' | 'decides' | 'attempts' | 'trace_id'>;

function toldOf(job: Failed, was: 'queued' | 'running', reason: string, detail: string): Pick<Decided<void>, 'events' | 'audit'> {
  const { operation_id, inspection_id, site, lot_id, station_id, decides, attempts } = job;
  return {
    events: [
      {
        type: 'inference.failed',
        site,
        key: lotKey(job),
        aggregate: { type: 'operation', id: operation_id, version: 2 },
        payload: { operation_id, inspection_id, lot_id, station_id, reason, detail, decides },
      },
    ],
    audit: [
      {
        action: 'inference.failed',
        site,
        object: { type: 'operation', id: operation_id },
        old: { status: was },
        new: { status: 'failed', inspection_id, attempts, decides },
        reason: `${reason}: ${detail}`,
      },
    ],
  };
}

/** The run will not be tried again; its inspection waits for a person if the run was to decide. @throws LeaseLost */
export async function failRun(door: Door, owner: string, job: Job, reason: string, detail: string): Promise<void> {
  await door.change<InferenceTables, void>(causeOf(job), async (tx): Promise<Decided<void>> => {
    await lockOwn(tx, job, owner);
    await endJob(tx, job, 'failed', `${reason}: ${detail}`);
    return { result: undefined, ...toldOf(job, 'running', reason, detail) };
  });
}

/** The same of a run that nobody has begun; false when somebody has meanwhile. */
export async function failQueued(door: Door, job: Failed, reason: string, detail: string): Promise<boolean> {
  return await door.change<InferenceTables, boolean>(causeOf(job), async (tx): Promise<Decided<boolean>> => {
    const row = await tx
      .selectFrom('inference.job')
      .select('operation_id')
      .where('operation_id', '=', job.operation_id)
      .where('state', '=', 'queued')
      .forUpdate()
      .skipLocked()
      .executeTakeFirst();
    if (!row) return { result: false, events: [], audit: [] };
    await endJob(tx, job, 'failed', `${reason}: ${detail}`);
    return { result: true, ...toldOf(job, 'queued', reason, detail) };
  });
}
