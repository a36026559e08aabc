import { sql } from 'kysely';
import type { AuditAction } from '../contracts/audit.ts';
import { presentInspection } from '../contracts/inspection-record.ts';
import type { Inspection, InspectionStatus } from '../contracts/inspections.ts';
import type { AuditDraft, Cause, Door, Transaction } from '../platform/db/door.ts';
import { ProblemError } from '../platform/problem.ts';
import { stateEvent } from './inspection.ts';
import { lockInspection, type Sight } from './queries.ts';
import type { InspectionRow, IntakeTables } from './tables.ts';

type Step = {
  type: 'inspection.started' | 'inspection.cancelled' | 'inspection.waiting';
  becomes: InspectionStatus;
  reason: string | null;
  /** Where the step may begin, if not wherever `intake.step_allowed` lets it. */
  from?: readonly InspectionStatus[];
};

/** One step of the state machine in SQL (`intake.step_allowed`); undefined when the state does not allow it. */
export async function move(tx: Transaction<IntakeTables>, id: string, { becomes, reason }: Step): Promise<InspectionRow | undefined> {
  const { rows } = await sql<InspectionRow>`select * from intake.move_inspection(${id}::uuid, ${becomes}, null, ${reason})`.execute(tx);
  return rows[0];
}

/** Cancelled it would count no more, and its lot could leave. */
const hasConfirmedDefect = async (tx: Transaction<IntakeTables>, id: string): Promise<boolean> =>
  (await tx
    .selectFrom('disposition.finding')
    .select('id')
    .where('inspection_id', '=', id)
    .where('state', '=', 'confirmed')
    .limit(1)
    .executeTakeFirst()) !== undefined;

const part = ({ status, reason, version }: Pick<InspectionRow, 'status' | 'reason' | 'version'>) => ({ status, reason, version });

export function stepAudit(step: Step, was: InspectionRow, now: InspectionRow): AuditDraft {
  const action: AuditAction = step.type;
  return { action, site: now.site, object: { type: 'inspection', id: now.id }, old: part(was), new: part(now), reason: step.reason };
}

/**
 * Moves an inspection because somebody asked for it.
 * @throws ProblemError not_found, precondition_failed (before the state is judged), transition_not_allowed
 */
export function changeState(
  door: Door,
  cause: Cause,
  step: Step,
  target: { id: string; sight: Sight; judgeVersion: (current: number) => void },
): Promise<Inspection> {
  return door.change<IntakeTables, Inspection>(cause, async (tx) => {
    const was = await lockInspection(tx, target.id, target.sight);
    if (!was) throw new ProblemError('not_found');
    target.judgeVersion(was.version);
    if (step.becomes === 'cancelled' && (await hasConfirmedDefect(tx, was.id)))
      throw new ProblemError('transition_not_allowed', {
        detail: 'A person has confirmed a defect of it: it is judged, or that defect is rejected first',
      });
    const now = step.from?.includes(was.status) === false ? undefined : await move(tx, was.id, step);
    if (!now)
      throw new ProblemError('transition_not_allowed', { detail: `An inspection that is ${was.status} does not become ${step.becomes}` });
    const shown = presentInspection(now);
    return {
      result: shown,
      events: [stateEvent(step.type, shown)],
      audit: [stepAudit(step, was, now)],
      answer: { status: 200, body: shown },
    };
  });
}
