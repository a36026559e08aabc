import { sql } from 'kysely';
import { BOARD_CLASSES } from '../contracts/defects.ts';
import type { ConfusionReport } from '../contracts/monitoring.ts';
import type { Reads } from '../platform/db/database.ts';
import { type Asked, boardsOf } from './quality.ts';
import type { MonitoringTables } from './tables.ts';

const WORDS =
  'Calls that a person reviewed: what the model said against what it is; rejected ones stand under nothing_there. Missed: defects that people found at audits of ' +
  'passes and where two versions disagreed, so their number grows with what is looked at, not with the misses alone: read the escape rate for these';

interface Cell {
  truth: string;
  said: string;
  count: number;
}

/** Lays cells out as a table; what is no class of the board model is left out. */
function layOut(cells: readonly Cell[]): Pick<ConfusionReport, 'truth' | 'said' | 'counts'> {
  const truth = [...BOARD_CLASSES, 'nothing_there'];
  const said = [...BOARD_CLASSES, 'missed'];
  const counts = truth.map(() => said.map(() => 0));
  for (const cell of cells) {
    const row = counts[truth.indexOf(cell.truth)];
    const column = said.indexOf(cell.said);
    if (row !== undefined && column >= 0) row[column] = (row[column] ?? 0) + cell.count;
  }
  return { truth, said, counts };
}

/** What a model said against what people found. */
export async function readConfusion(on: Reads<MonitoringTables>, asked: Asked): Promise<ConfusionReport> {
  const { rows } = await sql<Cell>`
    WITH b AS MATERIALIZED (SELECT operation_id, inspection_id FROM monitoring.board WHERE ${boardsOf(asked)})
    SELECT CASE WHEN c.state = 'rejected' THEN 'nothing_there' ELSE c.class END AS truth, c.proposed_class AS said, count(*)::int AS count
    FROM b JOIN disposition.model_call c USING (operation_id) WHERE c.state <> 'proposed' GROUP BY 1, 2
    UNION ALL
    SELECT m.class, 'missed', count(*)::int
    FROM b JOIN disposition.missed_defect m ON m.inspection_id = b.inspection_id AND m.state = 'confirmed'
    WHERE m.found_at = 'disagreement' OR EXISTS (
      SELECT FROM disposition.look_taken l WHERE l.operation_id = b.operation_id AND l.kind = 'audit' AND l.outcome IN ('agrees', 'disagrees')) GROUP BY 1`.execute(
    on,
  );
  const { model, from, to } = asked;
  return { model, from: from?.toISOString() ?? null, to: to?.toISOString() ?? null, ...layOut(rows), words: WORDS };
}
