import { sql } from 'kysely';
import { SEVERITIES } from '../contracts/defects.ts';
import type { ReviewItem } from '../contracts/review.ts';
import type { Reads } from '../platform/db/database.ts';
import { shown } from './case.ts';
import { defectsOf, shownDefect } from './defects.ts';
import type { DispositionTables, InspectionRow } from './tables.ts';

/** Where a page ended: worst severity (0 without a defect, 4 critical), best score (-1 without), id (UUIDv7: the oldest first). */
export type QueuePosition = [rank: number, score: number, id: string];

export interface QueueRow extends InspectionRow {
  worst_rank: number;
  best_score: number;
}

/** Defects that an item of the queue shows. */
const DEFECTS_SHOWN = 50;

export function queuePosition(value: unknown): QueuePosition | undefined {
  if (!Array.isArray(value) || value.length !== 3) return undefined;
  const [rank, score, id] = value as unknown[];
  if (!Number.isInteger(rank) || typeof score !== 'number' || typeof id !== 'string' || !/^[0-9a-f-]{36}$/.test(id)) return undefined;
  return [rank as number, score, id];
}
export const positionOf = (row: QueueRow): QueuePosition => [row.worst_rank, row.best_score, row.id];

/**
 * Waiting inspections, worst first. All that wait are weighed for every page: they are read from a partial index on the state, and their proposed
 * defects by a partial index each; a queue of a thousand takes some 10 ms, and one that is longer has another problem.
 */
export async function readQueue(
  on: Reads<DispositionTables>,
  site: string,
  after: QueuePosition | null,
  limit: number,
): Promise<QueueRow[]> {
  const { rows } = await sql<QueueRow>`
    SELECT * FROM (
      SELECT i.*, coalesce(d.worst_rank, 0) AS worst_rank, coalesce(d.best_score, -1) AS best_score
      FROM intake.inspection_now i
      LEFT JOIN LATERAL (
        SELECT max(array_position(ARRAY['low', 'medium', 'high', 'critical'], severity)) AS worst_rank, max(score) AS best_score
        FROM disposition.defect WHERE inspection_id = i.id AND state = 'proposed') d ON true
      WHERE i.status = 'awaiting_review' AND (${site} = '*' OR i.site = ${site})) q
    WHERE ${after === null ? sql`true` : sql`(-worst_rank, -best_score, id) > (${-after[0]}::int, ${-after[1]}::float8, ${after[2]}::uuid)`}
    ORDER BY -worst_rank, -best_score, id LIMIT ${limit}`.execute(on);
  return rows;
}

/** The items of a page with their defects. */
export async function queueItems(on: Reads<DispositionTables>, rows: readonly QueueRow[]): Promise<ReviewItem[]> {
  const defects = await defectsOf(
    on,
    rows.map(({ id }) => id),
    DEFECTS_SHOWN,
  );
  return rows.map((row) => ({
    kind: 'waiting' as const,
    inspection: shown(row),
    why: row.reason ?? 'uncertain',
    worst_severity: SEVERITIES[row.worst_rank - 1] ?? null,
    worst_score: row.best_score < 0 ? null : row.best_score,
    waiting_since: row.updated_at.toISOString(),
    defects: (defects.get(row.id) ?? []).map(shownDefect),
  }));
}
