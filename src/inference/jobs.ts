import { sql } from 'kysely';
import { type Database, reads } from '../platform/db/database.ts';
import type { ModelKey } from './runtime/runtime.ts';
import type { InferenceTables } from './tables.ts';

/** A process that died loses its runs after this. */
export const LEASE_SECONDS = 30;
/** Tries of one run, counting those that ended with their process. */
export const MOST_ATTEMPTS = 3;

export interface Job {
  operation_id: string;
  inspection_id: string;
  site: string;
  lot_id: string;
  station_id: string | null;
  model: string;
  version: number;
  image_sha256: string;
  reference_sha256: string;
  automatic: boolean;
  decides: boolean;
  priority: number;
  /** This one included. */
  attempts: number;
  trace_id: string;
  created_at: Date;
}

/**
 * Takes the next run for this owner: of those that are queued, or whose owner died, and whose model is ready here, the one with the earliest
 * turn (see migrations/0005). A run for which nobody named a model gets the production version of now. Null when there is nothing to do.
 *
 * Plan (PostgreSQL 18): index scan on job_waiting in the order of `turn`, stops at the first row that passes and is not locked by another worker;
 * the two CTEs are a handful of rows.
 */
export async function claimJob(db: Database, owner: string, ready: readonly ModelKey[], productionModel: string): Promise<Job | null> {
  const { rows } = await sql<Job>`
    WITH ready AS (SELECT * FROM unnest(${ready.map((key) => key.model)}::text[], ${ready.map((key) => key.version)}::int[]) AS r (model, version)),
    production AS (
      SELECT model, version FROM inference.model_version JOIN ready USING (model, version) WHERE model = ${productionModel} AND stage = 'production'),
    next AS (
      SELECT operation_id FROM inference.job j
      WHERE j.state IN ('queued', 'running')
        AND CASE j.state WHEN 'queued' THEN j.run_after <= now() ELSE j.leased_until < now() END
        AND CASE WHEN j.named THEN (j.model, j.version) IN (SELECT model, version FROM ready) ELSE EXISTS (SELECT FROM production) END
      ORDER BY j.turn LIMIT 1 FOR UPDATE OF j SKIP LOCKED)
    UPDATE inference.job j
       SET state = 'running', attempts = j.attempts + 1, lease_owner = ${owner}, leased_until = now() + make_interval(secs => ${LEASE_SECONDS}),
           started_at = now(), model = CASE WHEN j.named THEN j.model ELSE p.model END, version = CASE WHEN j.named THEN j.version ELSE p.version END
      FROM next LEFT JOIN production p ON true
     WHERE j.operation_id = next.operation_id
    RETURNING j.operation_id, j.inspection_id, j.site, j.lot_id, j.station_id, j.model, j.version, j.image_sha256, j.reference_sha256,
              j.automatic, j.decides, j.priority, j.attempts, j.trace_id, j.created_at`.execute(reads<InferenceTables>(db));
  return rows[0] ?? null;
}

/** Still alive. False when the run has been taken over. */
export async function renewLease(db: Database, owner: string, operationId: string): Promise<boolean> {
  const { numAffectedRows } = await sql`
    UPDATE inference.job SET leased_until = now() + make_interval(secs => ${LEASE_SECONDS})
     WHERE operation_id = ${operationId}::uuid AND lease_owner = ${owner} AND state = 'running'`.execute(reads<InferenceTables>(db));
  return numAffectedRows === 1n;
}

/** Back into the queue. `counts`: whether the try counts as one of the three; a runtime that is away and a process that stops do not. */
export async function handBack(
  db: Database,
  owner: string,
  operationId: string,
  { counts, waitMs, error }: { counts: boolean; waitMs: number; error: string | null },
): Promise<void> {
  await sql`
    UPDATE inference.job
       SET state = 'queued', lease_owner = NULL, leased_until = NULL, run_after = now() + make_interval(secs => ${waitMs / 1000}),
           attempts = attempts - ${counts ? 0 : 1}, error = ${error}
     WHERE operation_id = ${operationId}::uuid AND lease_owner = ${owner} AND state = 'running'`.execute(reads<InferenceTables>(db));
}
