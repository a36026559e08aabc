import { sql } from 'kysely';
import { presentInspection } from '../contracts/inspection-record.ts';
import type { Cause } from '../platform/db/door.ts';
import { idBound, traceId } from '../platform/id.ts';
import { move, stepAudit } from './change-state.ts';
import type { IntakeDeps } from './deps.ts';
import { stateEvent } from './inspection.ts';
import type { InspectionRow, IntakeTables } from './tables.ts';

/** A run's word that nothing has applied for so long (its event was set aside, or the broker is away for as long) keeps a board from no person (milliseconds). */
const WORD_MS = 86_400_000;
/** Inspections moved in one transaction: short ones, because a long one holds back every reader of the outbox. */
const PIECE = 100;
/** One with findings that nobody reviewed waits for that, not for inputs. */
const stepOf = (proposed: boolean) =>
  ({ type: 'inspection.waiting', becomes: 'awaiting_review', reason: proposed ? 'uncertain' : 'input_timeout' }) as const;

export const systemCause = (): Cause => ({
  actor: { subject: 'system', name: 'intake', kind: 'system' },
  requestId: null,
  traceId: traceId(),
});

/**
 * Hands inspections whose inputs did not come to a person: older than the time-out, not settled, and no model at a visual one nor its word on the way (for a day), no
 * measurement of the others. One whose inputs came a moment ago is moved on from `awaiting_review` all the same. Rows that another process holds are passed over.
 * Answers how many it moved.
 */
export async function sweepInputs(
  { door, metrics, settings }: Pick<IntakeDeps, 'door' | 'metrics' | 'settings'>,
  now = Date.now(),
): Promise<number> {
  const before = idBound(now - settings.inputTimeoutMs, 'first');
  const moved = await door.change<IntakeTables, InspectionRow[]>(systemCause(), async (tx) => {
    const { rows } = await sql<InspectionRow & { proposed: boolean }>`
      select *, exists (select 1 from disposition.finding f where f.inspection_id = i.id and f.state = 'proposed') as proposed
      from intake.inspection i where status in ('pending', 'in_progress') and id < ${before}::uuid
        and case when inspection_type = 'visual'
          then not exists (select 1 from inference.at_work w where w.inspection_id = i.id)
           and not exists (select 1 from inference.decided d where d.inspection_id = i.id and d.finished_at > greatest(i.updated_at, ${new Date(now - WORD_MS)}::timestamptz))
          else not exists (select 1 from intake.measurement m where m.inspection_id = i.id and m.created_at >= i.created_at - interval '3 days') end
      order by status, id limit ${PIECE} for update skip locked`.execute(tx);
    const done: InspectionRow[] = [];
    const audit = [];
    for (const was of rows) {
      const step = stepOf(was.proposed);
      const row = await move(tx, was.id, step);
      if (!row) continue;
      done.push(row);
      audit.push(stepAudit(step, was, row));
    }
    return { result: done, events: done.map((row) => stateEvent('inspection.waiting', presentInspection(row))), audit };
  });
  for (const row of moved) metrics.inspection(row.inspection_type, row.status, row.station_id);
  return moved.length === PIECE ? moved.length + (await sweepInputs({ door, metrics, settings }, now)) : moved.length;
}
