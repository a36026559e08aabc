import { sql } from 'kysely';
import type { ReviewerAgreement, ReviewerPair } from '../contracts/monitoring.ts';
import { LOOK_OUTCOMES, type LookOutcome } from '../contracts/review.ts';
import type { Reads } from '../platform/db/database.ts';
import { cohenKappa } from '../platform/statistics/kappa.ts';
import { type Asked, boardsOf } from './quality.ts';
import type { MonitoringTables } from './tables.ts';

export interface AnsweredTwice {
  first_by: string;
  first_outcome: LookOutcome;
  second_by: string | null;
  second_outcome: LookOutcome | null;
  third_outcome: LookOutcome | null;
  state: 'second' | 'third' | 'done';
  n: number;
}

const empty = (): number[][] => LOOK_OUTCOMES.map(() => LOOK_OUTCOMES.map(() => 0));
function add(table: number[][], first: LookOutcome, second: LookOutcome, n: number): void {
  const row = table[LOOK_OUTCOMES.indexOf(first)] as number[];
  const at = LOOK_OUTCOMES.indexOf(second);
  row[at] = (row[at] ?? 0) + n;
}

/** Of all that two people answered: what the first said against what the second said. */
export function tableOf(rows: readonly AnsweredTwice[]): number[][] {
  const table = empty();
  for (const { first_outcome, second_outcome, n } of rows) if (second_outcome !== null) add(table, first_outcome, second_outcome, n);
  return table;
}

/** By pair, whoever of them was asked first. */
function pairsOf(rows: readonly AnsweredTwice[]): ReviewerPair[] {
  const pairs = new Map<string, Omit<ReviewerPair, 'figures'>>();
  for (const { first_by, first_outcome, second_by, second_outcome, third_outcome, n } of rows) {
    if (second_by === null || second_outcome === null) continue;
    const turned = second_by < first_by;
    const reviewers = turned ? [second_by, first_by] : [first_by, second_by];
    const said = turned ? ([second_outcome, first_outcome] as const) : ([first_outcome, second_outcome] as const);
    const key = reviewers.join('\n');
    const pair = pairs.get(key) ?? { reviewers, table: empty(), decided: 0, upheld: [0, 0] };
    pairs.set(key, pair);
    add(pair.table, ...said, n);
    if (third_outcome === null) continue;
    pair.decided += n;
    for (const [at, outcome] of said.entries()) if (outcome === third_outcome) pair.upheld[at] = (pair.upheld[at] ?? 0) + n;
  }
  return [...pairs.values()]
    .map((pair) => ({ ...pair, figures: cohenKappa(pair.table) }))
    .sort((one, other) => other.figures.n - one.figures.n || (one.reviewers.join() < other.reviewers.join() ? -1 : 1));
}

/** How far reviewers agree who answered the same audit, neither knowing what the other said. */
export async function readAgreement(on: Reads<MonitoringTables>, asked: Asked): Promise<ReviewerAgreement> {
  const { rows } = await sql<AnsweredTwice>`
    SELECT first_by, first_outcome, second_by, second_outcome, third_outcome, state, count(*)::int AS n FROM disposition.repeat_look
    WHERE operation_id IN (SELECT operation_id FROM monitoring.board WHERE ${boardsOf(asked)}) GROUP BY 1, 2, 3, 4, 5, 6`.execute(on);
  const count = (of: (row: AnsweredTwice) => boolean) => rows.reduce((sum, row) => sum + (of(row) ? row.n : 0), 0);
  return {
    model: asked.model,
    from: asked.from?.toISOString() ?? null,
    to: asked.to?.toISOString() ?? null,
    words: [...LOOK_OUTCOMES],
    drawn: count(() => true),
    waiting: { second: count(({ state }) => state === 'second'), third: count(({ state }) => state === 'third') },
    total: cohenKappa(tableOf(rows)),
    pairs: pairsOf(rows),
  };
}
