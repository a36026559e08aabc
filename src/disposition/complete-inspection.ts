import { presentInspection } from '../contracts/inspection-record.ts';
import type { Inspection, Verdict } from '../contracts/inspections.ts';
import { type Caller, maySee } from '../contracts/permissions.ts';
import type { Cause, Decided, Door } from '../platform/db/door.ts';
import { ProblemError } from '../platform/problem.ts';
import { confirmedToFail } from './apply-findings.ts';
import { valuesOnTheWay } from './apply-measurements.ts';
import { type JudgeVersion, lockInspection, type Tx, termsOf, type Written } from './case.ts';
import type { DispositionTables, InspectionRow } from './tables.ts';
import { giveVerdict } from './verdict.ts';

export interface Completed extends Pick<Written, 'moved'> {
  inspection: Inspection;
}

/** What a model found or limits say is applied within moments; a word that nothing could deliver for so long stands in no person's way. */
const WORD_TAKES_MS = 300_000;

/** A run that is at the inspection, or has ended and its word is not applied yet: judged now, what it found would be lost. */
async function runAtWork(tx: Tx, { id, status, updated_at }: InspectionRow): Promise<string | null> {
  const atWork = await tx.selectFrom('inference.at_work').select('operation_id').where('inspection_id', '=', id).executeTakeFirst();
  if (atWork || status !== 'in_progress') return atWork?.operation_id ?? null;
  const since = new Date(Math.max(updated_at.getTime(), Date.now() - WORD_TAKES_MS));
  const ended = tx.selectFrom('inference.decided').select('operation_id').where('inspection_id', '=', id).where('finished_at', '>', since);
  return (await ended.executeTakeFirst())?.operation_id ?? null;
}

/**
 * A person judges a unit by hand. Defects that are proposed stay so: they can be reviewed afterwards.
 * @throws ProblemError not_found, precondition_failed, transition_not_allowed
 */
export async function completeInspection(
  door: Door,
  cause: Cause,
  caller: Caller,
  id: string,
  said: { verdict: Verdict; reason: string },
  judgeVersion: JudgeVersion,
): Promise<Completed> {
  return await door.change<DispositionTables, Completed>(cause, async (tx): Promise<Decided<Completed>> => {
    const inspection = await lockInspection(tx, id);
    if (!inspection || !maySee(caller, inspection)) throw new ProblemError('not_found');
    judgeVersion(inspection.version);
    if (!['pending', 'in_progress', 'awaiting_review'].includes(inspection.status))
      throw new ProblemError('transition_not_allowed', { detail: `The inspection is ${inspection.status}` });
    const run = await runAtWork(tx, inspection);
    if (run !== null) throw new ProblemError('transition_not_allowed', { detail: `A model is at it: operation ${run}` });
    const { policy, limits } = await termsOf(tx, inspection);
    if ((await valuesOnTheWay(tx, inspection, limits, new Date(Date.now() - WORD_TAKES_MS))) > 0)
      throw new ProblemError('transition_not_allowed', { detail: 'Values that were measured for it are being judged' });
    if (said.verdict !== 'fail' && (await confirmedToFail(tx, inspection, policy)).length > 0)
      throw new ProblemError('transition_not_allowed', {
        detail: 'A person has confirmed a defect that fails it: reject that defect first',
      });
    const { row, events, audit, moved } = await giveVerdict(tx, inspection, {
      verdict: said.verdict,
      reason: said.reason,
      by: 'person',
      actor: caller.name,
      byHand: true,
      policy,
      operationId: null,
      worst: null,
      defects: 0,
    });
    const body = presentInspection(row);
    return { result: { inspection: body, moved }, events, audit, answer: { status: 200, body } };
  });
}
