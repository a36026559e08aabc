import { sql } from 'kysely';
import { type Database, reads } from '../platform/db/database.ts';
import { uuidv7 } from '../platform/id.ts';
import type { ModelKey } from './runtime/runtime.ts';
import type { InferenceTables, RunRole } from './tables.ts';

/** A process that died loses its runs after this. */
export const LEASE_SECONDS = 30;
/** Longer than any lease and any pause before another try: a time beyond it was written before the server's clock was set back, and holds nothing. */
const BEYOND_SECONDS = 300;
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
  role: RunRole;
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
 * turn (see migrations/0005). A run for which nobody named a model gets the version of its lot (`inference.route_lot`, migrations/0016); the first run of a
 * lot writes that down in the same commit, and of two that are the first at the same moment the second takes what the first wrote. Null when there is
 * nothing to do. `held`: the versions whose bytes are here, ready or not; one whose bytes are nowhere does not hold up its lots.
 *
 * Plan (PostgreSQL 18): index scan on job_waiting in the order of `turn`, route_lot by primary keys for each row met, stops at the first row that passes
 * and is not locked by another worker.
 */
export async function claimJob(
  db: Database,
  owner: string,
  ready: readonly ModelKey[],
  judging: string,
  held: readonly number[] = ready.filter(({ model }) => model === judging).map(({ version }) => version),
): Promise<Job | null> {
  const { rows } = await sql<Job>`
    WITH ready AS (SELECT * FROM unnest(${ready.map((key) => key.model)}::text[], ${ready.map((key) => key.version)}::int[]) AS r (model, version)),
    next AS (
      SELECT j.operation_id, j.site, j.lot_id, r.routed, r.known
        FROM inference.job j LEFT JOIN LATERAL inference.route_lot(${judging}, j.site, j.lot_id, ${held}::int[]) r ON NOT j.named
       WHERE j.state IN ('queued', 'running')
         AND NOT CASE j.state WHEN 'queued' THEN j.run_after ELSE j.leased_until END
             <@ tstzrange(now(), now() + make_interval(secs => ${BEYOND_SECONDS}), '(]')
         AND (j.named OR EXISTS (SELECT FROM inference.model_version WHERE model = ${judging} AND stage IN ('production', 'canary')))
         AND (CASE WHEN j.named THEN j.model ELSE ${judging} END, CASE WHEN j.named THEN j.version ELSE r.routed END) IN (SELECT model, version FROM ready)
       ORDER BY j.turn LIMIT 1 FOR UPDATE OF j SKIP LOCKED),
    placed AS (
      INSERT INTO inference.lot_model AS l (model, site, lot_id, version)
      SELECT ${judging}, n.site, n.lot_id, n.routed FROM next n
       WHERE n.routed IS NOT NULL
         AND NOT EXISTS (SELECT FROM inference.lot_model k WHERE k.model = ${judging} AND k.site = n.site AND k.lot_id = n.lot_id AND k.version = n.routed)
      ON CONFLICT (model, site, lot_id) DO UPDATE
        SET version = CASE WHEN (SELECT known FROM next) THEN excluded.version ELSE l.version END,
            moved_from = CASE WHEN (SELECT known FROM next) THEN l.version ELSE l.moved_from END
      RETURNING version)
    UPDATE inference.job j
       SET state = 'running', attempts = j.attempts + 1, lease_owner = ${owner}, leased_until = now() + make_interval(secs => ${LEASE_SECONDS}),
           started_at = now(), model = CASE WHEN j.named THEN j.model ELSE ${judging} END,
           version = CASE WHEN j.named THEN j.version ELSE coalesce((SELECT version FROM placed), n.routed) END
      FROM next n
     WHERE j.operation_id = n.operation_id
    RETURNING j.operation_id, j.inspection_id, j.site, j.lot_id, j.station_id, j.model, j.version, j.image_sha256, j.reference_sha256,
              j.automatic, j.decides, j.priority, j.attempts, j.trace_id, j.created_at,
              CASE WHEN j.named THEN 'named'
                   WHEN EXISTS (SELECT FROM inference.model_version v WHERE v.model = j.model AND v.version = j.version AND v.stage = 'canary')
                   THEN 'canary' ELSE 'production' END AS role`.execute(reads<InferenceTables>(db));
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

/** A try of a version that gave no answer. Kept apart from the job, which may succeed at the next: a canary is judged by its tries. */
export async function noteFault(db: Database, { model, version, operation_id }: Job, error: string): Promise<void> {
  await reads<InferenceTables>(db)
    .insertInto('inference.model_fault')
    .values({ id: uuidv7(), model, version, operation_id, error: error.slice(0, 500) })
    .execute();
}
