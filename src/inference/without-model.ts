import { sql } from 'kysely';
import { type Database, reads } from '../platform/db/database.ts';
import type { Door } from '../platform/db/door.ts';
import { every, type Repeated } from '../platform/every.ts';
import { failQueued } from './finish-run.ts';
import type { Job } from './jobs.ts';
import { productionOf } from './models/production.ts';
import type { ModelKey } from './runtime/runtime.ts';
import type { InferenceTables } from './tables.ts';
import type { Log } from './threads/pool.ts';

export interface WithoutModelDeps {
  db: Database;
  door: Door;
  log: Log;
  /** The model that judges boards. */
  judging: string;
  /** Versions of all models whose bytes are here. */
  held: readonly ModelKey[];
  modelsDir: string;
  /** A board waits so long for a process that has the model (milliseconds). */
  patienceMs: number;
}

const LOOK_MS = 5000;
/** Boards of one look: each is a commit of its own. */
const PIECE = 100;

/**
 * Whether the version in production is here, again and again, because people move versions. Where it is not, boards that would wait for ever go to a person: those
 * whose version is not here, once they have waited for as long as inputs are waited for and no process has judged anything meanwhile. One that has
 * the model is only slow, or starts again: then its boards are left to it. Runs for which somebody named a version that is nowhere end the same way.
 */
export function watchForModel({ db, door, log, judging, held: all, modelsDir, patienceMs }: WithoutModelDeps): Repeated & {
  /** In words, as of the last look. */
  lacking(): string | null;
  look(): Promise<void>;
} {
  const held = all.flatMap(({ model, version }) => (model === judging ? [version] : []));
  let lacking: string | null = null;

  async function find(): Promise<string | null> {
    const none = `no version of ${judging} in MODELS_DIR (${modelsDir}) can be used`;
    if (held.length === 0) return none;
    const production = await productionOf(reads<InferenceTables>(db), judging);
    if (production === null) return `no version of ${judging} is in production`;
    return held.includes(production) ? null : `${judging} version ${production} is in production and not in MODELS_DIR (${modelsDir})`;
  }

  async function stranded(): Promise<Job[]> {
    const since = new Date(Date.now() - patienceMs);
    const { rows } = await sql<Job>`
      SELECT j.* FROM inference.job j CROSS JOIN LATERAL inference.route_lot(${judging}, j.site, j.lot_id, ${held}::int[]) r
       WHERE j.state = 'queued' AND j.decides AND NOT j.named AND j.created_at < ${since}::timestamptz
         AND (r.routed IS NULL OR r.routed <> ALL (${held}::int[]))
         AND NOT EXISTS (SELECT FROM inference.job b WHERE b.state = 'running' AND b.leased_until > now() AND NOT b.named)
         AND NOT EXISTS (SELECT FROM inference.model_version v WHERE v.model = ${judging} AND EXISTS (
               SELECT FROM inference.run u WHERE u.model = v.model AND u.version = v.version AND u.decides AND u.finished_at > ${since}::timestamptz))
       ORDER BY j.turn LIMIT ${PIECE}`.execute(reads<InferenceTables>(db));
    return rows;
  }

  async function strandedNamed(): Promise<Job[]> {
    const since = new Date(Date.now() - patienceMs);
    const { rows } = await sql<Job>`
      SELECT j.* FROM inference.job j
       WHERE j.state = 'queued' AND j.named AND j.created_at < ${since}::timestamptz
         AND (j.model, j.version) NOT IN (
               SELECT * FROM unnest(${all.map(({ model }) => model)}::text[], ${all.map(({ version }) => version)}::int[]))
         AND NOT EXISTS (SELECT FROM inference.job b
                          WHERE b.state = 'running' AND b.leased_until > now() AND b.model = j.model AND b.version = j.version)
         AND NOT EXISTS (SELECT FROM inference.run u WHERE u.model = j.model AND u.version = j.version AND u.finished_at > ${since}::timestamptz)
       ORDER BY j.turn LIMIT ${PIECE}`.execute(reads<InferenceTables>(db));
    return rows;
  }

  async function look(): Promise<void> {
    for (const job of await strandedNamed()) {
      const why = `${job.model} version ${job.version} was asked for and is not in MODELS_DIR (${modelsDir})`;
      if (await failQueued(door, job, 'model_failed', why))
        log.warn({ operation_id: job.operation_id, why }, 'a run without a model was given up');
    }
    lacking = await find();
    if (lacking === null) return;
    let given = 0;
    for (const job of await stranded()) if (await failQueued(door, job, 'model_failed', lacking)) given += 1;
    if (given > 0) log.error({ boards: given, lacking }, 'boards without a model were given to a person');
  }

  return {
    ...every(LOOK_MS, look, (error) => log.warn({ err: error }, 'the look for the model in production failed')),
    lacking: () => lacking,
    look,
  };
}
