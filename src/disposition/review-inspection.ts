import { sql } from 'kysely';
import { presentInspection } from '../contracts/inspection-record.ts';
import { lotKey } from '../contracts/lot-id.ts';
import { type Caller, maySee } from '../contracts/permissions.ts';
import type { InspectionReview, InspectionReviewed } from '../contracts/review.ts';
import type { Cause, Decided, Door } from '../platform/db/door.ts';
import { uuidv7 } from '../platform/id.ts';
import { invalid, ProblemError } from '../platform/problem.ts';
import { type JudgeVersion, join, lockInspection, type Tx, termsOf, type Written } from './case.ts';
import { shownDefect } from './defects.ts';
import { type ReviewSettings, shownLook } from './looks.ts';
import { askAgain } from './repeats.ts';
import { consequence } from './review-defect.ts';
import type { Policy } from './rules.ts';
import { severityOf } from './severity.ts';
import type { DefectRow, DispositionTables, InspectionRow, LookRow } from './tables.ts';

/** @throws ProblemError validation_error when outcome and missed do not go together */
function checked(review: InspectionReview): InspectionReview {
  const count = review.missed?.length ?? 0;
  if (review.outcome === 'disagrees' && count === 0)
    throw invalid('body -> missed', 'A look that disagrees names what was missed', 'required');
  if (review.outcome !== 'disagrees' && count > 0)
    throw invalid('body -> missed', `Missed defects go with disagrees, not with ${review.outcome}`, 'forbidden');
  if (review.at === 'disagreement' && review.outcome !== 'disagrees')
    throw invalid(
      'body -> outcome',
      'At a disagreement only what was missed is said here; which version is right is said of it',
      'forbidden',
    );
  return review;
}

/** The audit that is asked for. @throws ProblemError transition_not_allowed when there is none, or it was answered */
async function openAudit(tx: Tx, inspectionId: string): Promise<LookRow> {
  const look = await tx
    .selectFrom('disposition.look')
    .selectAll()
    .where('inspection_id', '=', inspectionId)
    .where('kind', '=', 'audit')
    .forUpdate()
    .executeTakeFirst();
  if (look?.outcome === null) return look;
  const settled = await tx
    .selectFrom('disposition.look')
    .select('disagreement_id')
    .where('inspection_id', '=', inspectionId)
    .where('kind', '=', 'disagreement')
    .where('outcome', 'is', null)
    .executeTakeFirst();
  const detail = settled
    ? `Not asked for by an audit; say which version is right with POST /v1/model-disagreements/${settled.disagreement_id}`
    : !look
      ? 'This inspection was not drawn for an audit; its defects are reviewed one by one'
      : 'The audit was answered already; review its defects to change what came of it';
  throw new ProblemError('transition_not_allowed', { detail });
}

/**
 * The look at a disagreement, answered or not: who is right and what was missed are two words, and may come in any order.
 * @throws ProblemError transition_not_allowed when nobody was asked
 */
async function disagreementLook(tx: Tx, inspectionId: string): Promise<LookRow> {
  const look = await tx
    .selectFrom('disposition.look')
    .selectAll()
    .where('inspection_id', '=', inspectionId)
    .where('kind', '=', 'disagreement')
    .orderBy(sql`(outcome IS NULL)`, 'desc')
    .orderBy('asked_at', 'desc')
    .limit(1)
    .forUpdate()
    .executeTakeFirst();
  if (!look)
    throw new ProblemError('transition_not_allowed', { detail: 'Nobody is asked which of two versions is right about this inspection' });
  return look;
}

/** What an answer makes of its look. An audit is over with it; a disagreement is over when somebody said who is right. */
async function keepAnswer(tx: Tx, look: LookRow, review: InspectionReview, missed: number, caller: Caller): Promise<LookRow> {
  const said = { outcome: review.outcome, missed, note: review.note ?? null, reviewed_by: caller.name, reviewed_at: new Date() };
  return await tx
    .updateTable('disposition.look')
    .set(look.kind === 'disagreement' ? { missed: look.missed + missed } : said)
    .where('inspection_id', '=', look.inspection_id)
    .where('kind', '=', look.kind)
    .where('disagreement_id', 'is not distinct from', look.disagreement_id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** A mark beside the picture is none: who trains with it would cut out nothing. @throws ProblemError validation_error */
async function checkPlaces(tx: Tx, inspectionId: string, missed: NonNullable<InspectionReview['missed']>): Promise<void> {
  const { width, height } = await tx
    .selectFrom('intake.artifact_file')
    .select(({ fn }) => [fn.max('width').as('width'), fn.max('height').as('height')])
    .where('inspection_id', '=', inspectionId)
    .where('kind', '=', 'image')
    .executeTakeFirstOrThrow();
  for (const [at, { box }] of missed.entries())
    if (width !== null && height !== null && (box.x + box.width > width || box.y + box.height > height))
      throw invalid(`body -> missed -> ${at} -> box`, `The picture is ${width} x ${height} pixels: the box must lie inside`, 'inside', box);
}

export async function keepMissed(
  tx: Tx,
  { id, site, station_id }: InspectionRow,
  { at = 'audit', missed = [], note }: InspectionReview,
  caller: Caller,
  policy: Policy,
): Promise<DefectRow[]> {
  if (missed.length === 0) return [];
  await checkPlaces(tx, id, missed);
  return await tx
    .insertInto('disposition.defect')
    .values(
      missed.map(({ class: name, box }) => ({
        id: uuidv7(),
        inspection_id: id,
        site,
        station_id,
        class: name,
        proposed_class: name,
        severity: severityOf(name, policy.rules),
        score: null,
        ...box,
        characteristic: null,
        source: 'person' as const,
        operation_id: null,
        state: 'confirmed' as const,
        reviewed_by: caller.name,
        reviewed_at: new Date(),
        review_reason: note ?? (at === 'audit' ? 'missed, found by an audit' : 'missed, found where two versions disagree'),
        found_at: at,
      })),
    )
    .returningAll()
    .execute();
}

export interface LookedAt extends Pick<Written, 'moved'> {
  reviewed: InspectionReviewed;
}

/**
 * A person answers an audit, or names what was missed at a disagreement of two versions. A defect that was missed is a confirmed escape: it becomes a defect of the inspection, and the verdict and the lot follow by
 * the rules of every review (`effectOfReview`, `holdReason`): a pass becomes a fail where the class is grave enough, a released lot is held again.
 * Where it was found is kept: the escape rate is that of the audits, drawn by chance; a board at which two versions disagree was not, and what is found
 * there counts as a finding alone.
 * @throws ProblemError validation_error, not_found, precondition_failed, transition_not_allowed
 */
export async function reviewInspection(
  door: Door,
  cause: Cause,
  caller: Caller,
  id: string,
  review: InspectionReview,
  judgeVersion: JudgeVersion,
  settings: ReviewSettings,
): Promise<LookedAt> {
  checked(review);
  return await door.change<DispositionTables, LookedAt>(cause, async (tx): Promise<Decided<LookedAt>> => {
    const inspection = await lockInspection(tx, id);
    if (!inspection || !maySee(caller, inspection)) throw new ProblemError('not_found');
    judgeVersion(inspection.version);
    const before = review.at === 'disagreement' ? await disagreementLook(tx, id) : await openAudit(tx, id);
    const { policy } = await termsOf(tx, inspection);
    const defects = await keepMissed(tx, inspection, review, caller, policy);
    const look = await keepAnswer(tx, before, review, defects.length, caller);
    await askAgain(tx, look, caller, settings);
    const { site, lot_id, station_id } = inspection;
    const told: Written = {
      moved: [],
      events: defects.map((defect) => ({
        type: 'defect.reviewed',
        site,
        key: lotKey(inspection),
        aggregate: { type: 'defect', id: defect.id, version: defect.version },
        payload: { defect_id: defect.id, inspection_id: id, lot_id, station_id, decision: 'missed', class: defect.class },
      })),
      audit: [
        {
          action: 'inspection.reviewed',
          site,
          object: { type: 'inspection', id },
          old: { verdict: inspection.verdict, kind: before.kind, asked_at: before.asked_at },
          new: { outcome: review.outcome, missed: defects.map(({ id: defect, class: name }) => ({ id: defect, class: name })) },
          reason: review.note ?? null,
        },
      ],
    };
    const { events, audit, moved } = join(told, await consequence(tx, inspection, caller, policy));
    const now = await tx.selectFrom('intake.inspection_now').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
    const body = { look: shownLook(look), inspection: presentInspection(now), defects: defects.map(shownDefect) };
    return { result: { reviewed: body, moved }, events, audit, answer: { status: 200, body } };
  });
}
