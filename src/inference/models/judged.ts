import { type RawBuilder, sql } from 'kysely';
import type { Reads } from '../../platform/db/database.ts';
import type { InferenceTables } from '../tables.ts';

export interface JudgedFigures {
  boards: number;
  /** Of those, boards with a call. */
  called: number;
  /** Boards that a try of the version gave no answer for, each once however often it was tried. */
  faults: number;
  /** Milliseconds of the model alone; null without boards. */
  p50: number | null;
  p95: number | null;
}

/**
 * What a version did since a moment, of its newest `most` boards. Faults are taken over the same time as the boards: a share of all that ever failed among
 * the newest boards would grow for ever.
 *
 * Plan (PostgreSQL 18): run_judged_by backwards for at most `most` rows; the faults by model_fault_of_version.
 */
export const judgedQuery = (model: string, version: number, since: Date, most: number): RawBuilder<JudgedFigures> => sql<JudgedFigures>`
    WITH newest AS MATERIALIZED (
      SELECT calls, (timings_ms ->> 'infer')::float8 AS infer, finished_at FROM inference.run
       WHERE model = ${model} AND version = ${version} AND decides AND finished_at > ${since} ORDER BY finished_at DESC LIMIT ${most})
    SELECT count(*)::int AS boards, (count(*) FILTER (WHERE calls > 0))::int AS called,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY infer) AS p50, percentile_cont(0.95) WITHIN GROUP (ORDER BY infer) AS p95,
           (SELECT count(DISTINCT operation_id)::int FROM inference.model_fault
             WHERE model = ${model} AND version = ${version}
               AND at > (SELECT CASE WHEN count(*) < ${most} THEN ${since}::timestamptz ELSE min(finished_at) END FROM newest)) AS faults
      FROM newest`;

export async function judgedBy(
  on: Reads<InferenceTables>,
  model: string,
  version: number,
  since: Date,
  most: number,
): Promise<JudgedFigures> {
  const { rows } = await judgedQuery(model, version, since, most).execute(on);
  return rows[0] ?? { boards: 0, called: 0, faults: 0, p50: null, p95: null };
}
