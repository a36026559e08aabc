import { sql } from 'kysely';
import type { Simulation, SimulationRequest } from '../../contracts/models.ts';
import type { Reads } from '../../platform/db/database.ts';
import { timeSpan } from '../../platform/http/paging.ts';
import type { InferenceTables } from '../tables.ts';
import { counting, type Judge, type PastBoard } from './count-outcomes.ts';
import { knownModel, thresholdsUnder } from './recipes.ts';

/** Bounds of one simulation. */
const MOST_BOARDS = 20_000;
const MOST_MS = 8_000;
/** Runs of a statement: short statements, because a long one would hold back every reader of the outbox. */
const PIECE = 500;

interface BoardRow extends Omit<PastBoard, 'finishedAt'> {
  finished_at: Date;
}
/** Where the walk stands: the time as PostgreSQL has it, to the microsecond. */
interface Place {
  operation_id: string;
  at: string;
}

interface Wanted {
  model: string;
  site: string;
  product: string | null;
  from: Date | null;
  to: Date | null;
}

/** The next deciding runs behind a place, newest first: a walk down run_judged and nothing else. */
async function walk(on: Reads<InferenceTables>, { model, from, to }: Wanted, behind: Place | null): Promise<Place[]> {
  const { rows } = await sql<Place>`
    SELECT operation_id, finished_at::text AS at FROM inference.run
     WHERE model = ${model} AND decides
       AND ${from === null ? sql`true` : sql`finished_at >= ${from}`} AND ${to === null ? sql`true` : sql`finished_at <= ${to}`}
       AND ${behind === null ? sql`true` : sql`(finished_at, operation_id) < (${behind.at}::timestamptz, ${behind.operation_id}::uuid)`}
     ORDER BY finished_at DESC, operation_id DESC LIMIT ${PIECE}`.execute(on);
  return rows;
}

/** Of these runs the last of each board that is meant, with the policy of its lot and what people said of its calls. All by primary keys. */
async function boardsOf(on: Reads<InferenceTables>, { model, site, product }: Wanted, ids: readonly string[]): Promise<BoardRow[]> {
  const { rows } = await sql<BoardRow>`
    SELECT r.candidates, r.thresholds, v.manifest -> 'thresholds' AS own, p.rules, r.finished_at,
           coalesce((SELECT jsonb_agg(jsonb_build_object('state', d.state, 'proposed', d.proposed_class, 'score', d.score))
                       FROM disposition.finding d
                      WHERE d.inspection_id = r.inspection_id AND d.operation_id = r.operation_id AND d.source = 'model'
                        AND d.state <> 'proposed' AND d.reviewed_by <> 'disposition'), '[]') AS reviewed
      FROM inference.run r
      JOIN inference.job j USING (operation_id)
      JOIN inference.model_version v ON v.model = r.model AND v.version = r.version
      LEFT JOIN masterdata.lot_revision l ON l.site = j.site AND l.lot_id = j.lot_id
      CROSS JOIN LATERAL (
        SELECT rules FROM disposition.policy_rules n
         WHERE CASE WHEN l.policy_name IS NULL THEN n.name = 'standard' ELSE n.name = l.policy_name AND n.version = l.policy_version END
         ORDER BY n.version DESC LIMIT 1) p
     WHERE r.operation_id = ANY (${ids}::uuid[]) AND (${site} = '*' OR j.site = ${site})
       AND NOT EXISTS (SELECT FROM inference.run n WHERE n.inspection_id = r.inspection_id AND n.decides AND n.finished_at > r.finished_at)
       AND ${
         product === null
           ? sql`(l.product IS NULL OR NOT EXISTS (SELECT FROM inference.recipe o WHERE o.model = ${model} AND o.product = l.product))`
           : sql`l.product = ${product}`
       }
     ORDER BY r.finished_at DESC, r.operation_id DESC`.execute(on);
  return rows;
}

/**
 * What thresholds would have done, had they been the recipe. Reads in pieces, the newest boards first, until 20,000 were seen or 8 s are over: a board
 * that was not looked at is in no count.
 * @throws ProblemError not_found, validation_error
 */
export async function simulate(
  on: Reads<InferenceTables>,
  judge: Judge,
  site: string,
  model: string,
  wish: SimulationRequest,
  limits: { boards: number; ms: number } = { boards: MOST_BOARDS, ms: MOST_MS },
): Promise<Simulation> {
  const wanted: Wanted = { model, site, product: wish.product, ...timeSpan(wish, 'body') };
  await knownModel(on, model);
  const until = performance.now() + limits.ms;
  const counted = counting(judge, wish.thresholds);
  let cut: Simulation['cut'] = null;
  let behind: Place | null = null;
  for (let left = limits.boards; cut === null; ) {
    const places: Place[] = await walk(on, wanted, behind);
    if (places.length === 0) break;
    const boards = await boardsOf(
      on,
      wanted,
      places.map(({ operation_id }) => operation_id),
    );
    for (const { finished_at, ...board } of boards.slice(0, left)) counted.add({ ...board, finishedAt: finished_at });
    if (boards.length > left) cut = 'boards';
    left -= boards.length;
    behind = places.at(-1) ?? null;
    if (places.length < PIECE) break;
    if (cut === null && performance.now() > until) cut = 'time';
  }
  const production = await on
    .selectFrom('inference.model_version')
    .select('manifest')
    .where('model', '=', model)
    .where('stage', '=', 'production')
    .executeTakeFirst();
  const thresholds = thresholdsUnder(production?.manifest.thresholds ?? {}, { thresholds: wish.thresholds });
  return { model, product: wish.product, site, cut, thresholds, ...counted.result() };
}
