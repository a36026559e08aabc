import { sql } from 'kysely';
import type { Defect } from '../contracts/defects.ts';
import type { Reads } from '../platform/db/database.ts';
import type { DefectRow, DispositionTables } from './tables.ts';

/** The record as the API shows it. */
export function shownDefect(row: DefectRow): Defect {
  const { x, y, width, height } = row;
  return {
    id: row.id,
    inspection_id: row.inspection_id,
    class: row.class,
    severity: row.severity,
    score: row.score,
    box: x === null || y === null || width === null || height === null ? null : { x, y, width, height },
    state: row.state,
    source: row.source,
    operation_id: row.operation_id,
    characteristic: row.characteristic,
    proposed_class: row.proposed_class,
    reviewed_by: row.reviewed_by,
    reviewed_at: row.reviewed_at?.toISOString() ?? null,
    review_reason: row.review_reason,
    version: row.version,
    created_at: row.created_at.toISOString(),
  };
}

/** Defects of an inspection in the order in which they were found. */
export async function listDefects(
  on: Reads<DispositionTables>,
  inspectionId: string,
  after: string | null,
  limit: number,
): Promise<DefectRow[]> {
  let query = on.selectFrom('disposition.defect').selectAll().where('inspection_id', '=', inspectionId);
  if (after !== null) query = query.where('id', '>', after);
  return await query.orderBy('id').limit(limit).execute();
}

/** Defects of several inspections at once, worst first within each; at most `each` of one. */
export async function defectsOf(
  on: Reads<DispositionTables>,
  inspectionIds: readonly string[],
  each: number,
): Promise<Map<string, DefectRow[]>> {
  const { rows } = await sql<DefectRow>`
    SELECT d.* FROM unnest(${[...inspectionIds]}::uuid[]) AS i (id)
    CROSS JOIN LATERAL (
      SELECT * FROM disposition.defect WHERE inspection_id = i.id
      ORDER BY array_position(ARRAY['critical', 'high', 'medium', 'low'], severity), score DESC NULLS LAST, id LIMIT ${each}) d`.execute(
    on,
  );
  const found = new Map<string, DefectRow[]>();
  for (const row of rows) found.set(row.inspection_id, [...(found.get(row.inspection_id) ?? []), row]);
  return found;
}
