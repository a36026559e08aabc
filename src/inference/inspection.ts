import { sql } from 'kysely';
import type { Transaction } from '../platform/db/door.ts';
import type { InferenceTables, InspectionRow } from './tables.ts';

/**
 * The first thing that any change of an inspection does. Lots first, shared: while a run starts, its lot gets no other product and no verdict. Then the
 * rows. Locks are taken in one order, whatever the order asked for.
 */
export async function lockInspections(tx: Transaction<InferenceTables>, ids: readonly string[]): Promise<InspectionRow[]> {
  await sql`
    SELECT pg_advisory_xact_lock_shared(hashtextextended('lot:' || site || '/' || lot_id, 0))
    FROM (SELECT DISTINCT site, lot_id FROM intake.inspection_now WHERE id = ANY (${[...ids]}::uuid[]) ORDER BY site, lot_id) AS lots`.execute(
    tx,
  );
  const found: InspectionRow[] = [];
  for (const id of [...ids].sort()) {
    const { rows } = await sql<InspectionRow>`SELECT * FROM intake.lock_inspection(${id}::uuid)`.execute(tx);
    found.push(...rows);
  }
  return found;
}

/** A model is at it now. The caller holds the lock and knows that the step is allowed. */
export async function moveToProgress(tx: Transaction<InferenceTables>, id: string): Promise<InspectionRow> {
  const { rows } = await sql<InspectionRow>`SELECT * FROM intake.move_inspection(${id}::uuid, 'in_progress', NULL, NULL)`.execute(tx);
  const [row] = rows;
  if (!row) throw new Error(`inspection ${id} cannot go to in_progress`);
  return row;
}
