import { sql } from 'kysely';
import { BOARD_CLASSES } from '../../contracts/defects.ts';
import type { Comparison, ComparisonList } from '../../contracts/models.ts';
import type { Reads } from '../../platform/db/database.ts';
import type { InferenceTables } from '../tables.ts';
import type { Cell } from './agreement.ts';
import { type Pairing, pairingsOf, sidesOf } from './comparisons.ts';
import { judgedBy } from './judged.ts';
import { knownModel } from './recipes.ts';

/** Boards of a pairing that are counted, the newest; and judged boards that are looked through for those that were not compared. */
const MOST = { boards: 5_000, judged: 50_000 };

/** The rows of a pairing's boards, as a subquery. Those of a production version of before say nothing of this one. */
const looksOf = (of: Pairing) => sql`
  SELECT * FROM inference.comparison
   WHERE model = ${of.model} AND candidate_version = ${of.candidate} AND production_version = ${of.production}
     AND stage_since = ${of.since} AND role = ${of.role}
   ORDER BY id DESC LIMIT ${MOST.boards}`;

interface Totals {
  boards: number;
  agreeing: number;
  failed: number;
  production_calls: number | null;
  candidate_calls: number | null;
  p50: number | null;
  p95: number | null;
  open: number;
  production_right: number;
  candidate_right: number;
  neither: number;
  cannot_tell: number;
}

async function totalsOf(on: Reads<InferenceTables>, of: Pairing): Promise<Totals> {
  const { rows } = await sql<Totals>`
    SELECT (count(*) FILTER (WHERE state = 'done'))::int AS boards, (count(*) FILTER (WHERE agrees))::int AS agreeing,
           (count(*) FILTER (WHERE state = 'failed'))::int AS failed,
           avg(production_calls)::float8 AS production_calls, avg(candidate_calls)::float8 AS candidate_calls,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY infer_ms) AS p50, percentile_cont(0.95) WITHIN GROUP (ORDER BY infer_ms) AS p95,
           (count(*) FILTER (WHERE agrees = false AND verdict IS NULL))::int AS open,
           (count(*) FILTER (WHERE verdict = 'production'))::int AS production_right,
           (count(*) FILTER (WHERE verdict = 'candidate'))::int AS candidate_right,
           (count(*) FILTER (WHERE verdict = 'neither'))::int AS neither,
           (count(*) FILTER (WHERE verdict = 'cannot_tell'))::int AS cannot_tell
      FROM (${looksOf(of)}) c`.execute(on);
  return rows[0] as Totals;
}

async function cellsOf(on: Reads<InferenceTables>, of: Pairing): Promise<Cell[]> {
  const { rows } = await sql<Cell>`
    SELECT cell ->> 'production' AS production, cell ->> 'candidate' AS candidate, sum((cell ->> 'calls')::int)::int AS calls
      FROM (${looksOf(of)}) c, jsonb_array_elements(c.cells) AS cell WHERE c.state = 'done' GROUP BY 1, 2 ORDER BY 1 NULLS LAST, 2 NULLS LAST`.execute(
    on,
  );
  return rows;
}

async function runsOf(on: Reads<InferenceTables>, of: Pairing, version: number) {
  const { boards, p50, p95, faults } = await judgedBy(on, of.model, version, of.since, MOST.boards);
  return { runs: boards, p50, p95, errors: faults };
}

/** Judged boards that are too old to be compared and were not: those behind the newest `backlog`. */
export async function droppedOf(on: Reads<InferenceTables>, of: Pairing, backlog: number, among: number = MOST.judged): Promise<number> {
  const { rows } = await sql<{ dropped: number }>`
    SELECT count(*)::int AS dropped FROM (
      SELECT operation_id, version FROM inference.run WHERE model = ${of.model} AND decides AND finished_at > ${of.since}
       ORDER BY finished_at DESC OFFSET ${backlog} LIMIT ${among}) r
     WHERE r.version = ${sidesOf(of).judged}
       AND NOT EXISTS (SELECT FROM inference.comparison c WHERE c.operation_id = r.operation_id AND c.candidate_version = ${of.candidate})`.execute(
    on,
  );
  return rows[0]?.dropped ?? 0;
}

function byClass(cells: readonly Cell[]): Comparison['classes'] {
  const sum = (pick: (cell: Cell) => boolean) => cells.reduce((total, cell) => total + (pick(cell) ? cell.calls : 0), 0);
  return BOARD_CLASSES.map((name) => ({
    class: name,
    both: sum(({ production, candidate }) => production === name && candidate === name),
    production_only: sum(({ production, candidate }) => production === name && candidate !== name),
    candidate_only: sum(({ production, candidate }) => production !== name && candidate === name),
  }));
}

async function compare(on: Reads<InferenceTables>, of: Pairing, percent: number | null, backlog: number): Promise<Comparison> {
  const totals = await totalsOf(on, of);
  const cells = await cellsOf(on, of);
  const [judged, second] = [
    await runsOf(on, of, sidesOf(of).judged),
    { runs: totals.boards, p50: totals.p50, p95: totals.p95, errors: totals.failed },
  ];
  const production = of.role === 'shadow' ? judged : await runsOf(on, of, of.production);
  return {
    role: of.role,
    production_version: of.production,
    candidate_version: of.candidate,
    since: of.since.toISOString(),
    canary_percent: percent,
    boards: totals.boards,
    agreeing: totals.agreeing,
    dropped: await droppedOf(on, of, backlog),
    matrix: cells,
    classes: byClass(cells),
    calls_per_board: { production: totals.production_calls, candidate: totals.candidate_calls },
    latency_ms: { production: production.runs > 0 ? production : second, candidate: of.role === 'shadow' ? second : judged },
    disagreements: {
      open: totals.open,
      production_right: totals.production_right,
      candidate_right: totals.candidate_right,
      neither: totals.neither,
      cannot_tell: totals.cannot_tell,
    },
  };
}

/** @throws ProblemError not_found for an unknown model */
export async function comparisonsOf(on: Reads<InferenceTables>, model: string, backlog: number): Promise<ComparisonList> {
  await knownModel(on, model);
  const pairings = (await pairingsOf(on, model)).sort((one, other) => (one.role < other.role ? -1 : Number(one.role > other.role)));
  const data: Comparison[] = [];
  for (const of of pairings) {
    const row = await on
      .selectFrom('inference.model_version')
      .select('canary_percent')
      .where('model', '=', model)
      .where('version', '=', of.candidate)
      .executeTakeFirst();
    data.push(await compare(on, of, row?.canary_percent ?? null, backlog));
  }
  return { model, data };
}
