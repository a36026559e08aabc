import { lotKey } from '../contracts/lot-id.ts';
import { type Caller, maySee } from '../contracts/permissions.ts';
import type { Repeated, RepeatReview } from '../contracts/review.ts';
import type { Cause, Decided, Door } from '../platform/db/door.ts';
import { invalid, ProblemError } from '../platform/problem.ts';
import { join, lockInspection, nothingWritten, type Tx, termsOf, type Written } from './case.ts';
import { shownDefect } from './defects.ts';
import { decides, onlyName } from './repeats.ts';
import { changeDefect, consequence } from './review-defect.ts';
import { keepMissed } from './review-inspection.ts';
import type { Policy } from './rules.ts';
import type { DefectRow, DispositionTables, InspectionRow, RepeatRow } from './tables.ts';

const refused = (detail: string) => new ProblemError('transition_not_allowed', { detail });

/** @throws ProblemError transition_not_allowed, forbidden, when it is not this person's turn */
function turnOf(row: RepeatRow, caller: Caller): 'second' | 'third' {
  if (row.state === 'done') throw refused('This look was answered already');
  const isSaidBy = (subject: string | null) => subject === caller.subject || subject === onlyName(caller.name);
  if (row.state === 'second') {
    if (isSaidBy(row.first_subject)) throw refused('You answered this audit: another person is asked');
    return 'second';
  }
  if (isSaidBy(row.first_subject) || isSaidBy(row.second_subject)) throw refused('You are one of the two who differ: a third decides');
  if (!decides(caller)) throw new ProblemError('forbidden', { detail: 'Two reviewers differ: a quality engineer who is neither decides' });
  return 'third';
}

/** What audits marked on this board and nobody rejected since. */
const standingOf = (tx: Tx, inspectionId: string): Promise<DefectRow[]> =>
  tx
    .selectFrom('disposition.defect')
    .selectAll()
    .where('inspection_id', '=', inspectionId)
    .where('source', '=', 'person')
    .where('state', '=', 'confirmed')
    .where('found_at', 'is distinct from', 'disagreement')
    .orderBy('id')
    .forUpdate()
    .execute();

/**
 * The defects follow the word of the third: what was missed is marked, or what was marked is rejected; where it cannot be told, all stays as it stands.
 * @returns those that changed and what to tell of them
 */
async function settleDefects(
  tx: Tx,
  inspection: InspectionRow,
  review: RepeatReview,
  caller: Caller,
  policy: Policy,
): Promise<{ changed: DefectRow[]; standing: number; told: Written }> {
  const { id, site, lot_id, station_id } = inspection;
  const before = await standingOf(tx, id);
  if (review.outcome === 'cannot_tell') return { changed: [], standing: before.length, told: nothingWritten() };
  const missed = review.missed ?? [];
  if (review.outcome === 'disagrees' && before.length + missed.length === 0)
    throw invalid('body -> missed', 'A look that disagrees names what was missed', 'required');
  const reason = review.note ?? 'by the third reviewer';
  const changed: DefectRow[] = [];
  if (review.outcome === 'disagrees')
    changed.push(...(await keepMissed(tx, inspection, { at: 'audit', outcome: 'disagrees', missed, note: reason }, caller, policy)));
  else for (const defect of before) changed.push(await changeDefect(tx, defect, { decision: 'reject', reason }, caller, policy));
  const events: Written['events'] = changed.map((defect) => ({
    type: 'defect.reviewed',
    site,
    key: lotKey(inspection),
    aggregate: { type: 'defect', id: defect.id, version: defect.version },
    payload: {
      ...{ defect_id: defect.id, inspection_id: id, lot_id, station_id, class: defect.class },
      decision: review.outcome === 'disagrees' ? 'missed' : 'reject',
    },
  }));
  const standing = review.outcome === 'disagrees' ? before.length + missed.length : 0;
  return { changed, standing, told: { ...nothingWritten(), events } };
}

/**
 * Another person answers an audit again. The second says one word and changes nothing by it; where it is not that of the first, a third decides, who is a quality
 * engineer and neither of the two: the audit, its defects, the verdict and the lot then follow that word, as if it had been the first.
 * @throws ProblemError validation_error, not_found, forbidden, transition_not_allowed
 */
export async function answerRepeat(
  door: Door,
  cause: Cause,
  caller: Caller,
  id: string,
  review: RepeatReview,
): Promise<{ repeated: Repeated; moved: Written['moved'] }> {
  const marks = review.missed?.length ?? 0;
  if (marks > 0 && review.outcome !== 'disagrees')
    throw invalid('body -> missed', `Missed defects go with disagrees, not with ${review.outcome}`, 'forbidden');
  return await door.change<DispositionTables, { repeated: Repeated; moved: Written['moved'] }>(
    cause,
    async (tx): Promise<Decided<{ repeated: Repeated; moved: Written['moved'] }>> => {
      const known = await tx.selectFrom('disposition.repeat').select('inspection_id').where('id', '=', id).executeTakeFirst();
      const inspection = known ? await lockInspection(tx, known.inspection_id) : null;
      if (!inspection || !maySee(caller, inspection)) throw new ProblemError('not_found');
      const row = await tx.selectFrom('disposition.repeat').selectAll().where('id', '=', id).forUpdate().executeTakeFirstOrThrow();
      const turn = turnOf(row, caller);
      if (turn === 'second' && marks > 0)
        throw invalid('body -> missed', 'The second look says whether something was missed; what, is for the third to mark', 'forbidden');
      const { policy } = await termsOf(tx, inspection);
      const { changed, standing, told } =
        turn === 'third'
          ? await settleDefects(tx, inspection, review, caller, policy)
          : { changed: [], standing: 0, told: nothingWritten() };
      const now = new Date();
      const after = await tx
        .updateTable('disposition.repeat')
        .set(
          turn === 'second'
            ? { second_subject: caller.subject, second_by: caller.name, second_outcome: review.outcome, second_at: now }
            : { third_subject: caller.subject, third_by: caller.name, third_outcome: review.outcome, third_at: now },
        )
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirstOrThrow();
      if (turn === 'third')
        await tx
          .updateTable('disposition.look')
          .set({ outcome: review.outcome, missed: standing, note: review.note ?? null, reviewed_by: caller.name, reviewed_at: now })
          .where('inspection_id', '=', inspection.id)
          .where('kind', '=', 'audit')
          .execute();
      const written: Written = {
        moved: [],
        events: told.events,
        audit: [
          {
            action: 'inspection.reviewed',
            site: inspection.site,
            object: { type: 'inspection', id: inspection.id },
            old: { kind: 'repeat', turn, first: row.first_outcome, ...(turn === 'third' ? { second: row.second_outcome } : {}) },
            new: { outcome: review.outcome, state: after.state, defects: changed.map(({ id: defect, state }) => ({ id: defect, state })) },
            reason: review.note ?? null,
          },
        ],
      };
      const { events, audit, moved } = join(
        written,
        turn === 'third' ? await consequence(tx, inspection, caller, policy) : nothingWritten(),
      );
      const body: Repeated = {
        id,
        inspection_id: inspection.id,
        turn,
        outcome: review.outcome,
        state: after.state,
        defects: changed.map(shownDefect),
      };
      return { result: { repeated: body, moved }, events, audit, answer: { status: 200, body } };
    },
  );
}
