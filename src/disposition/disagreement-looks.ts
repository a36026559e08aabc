import { sql } from 'kysely';
import type { EventPayloads } from '../contracts/events.ts';
import type { Disagreement } from '../contracts/models.ts';
import type { ReviewDisagreement } from '../contracts/review.ts';
import type { Reads } from '../platform/db/database.ts';
import type { Tx } from './case.ts';
import type { DispositionTables, LookRow } from './tables.ts';

/** Of a person's word on two versions: whether production was right. */
const OUTCOME: Record<NonNullable<Disagreement['right']>, NonNullable<LookRow['outcome']>> = {
  production: 'agrees',
  candidate: 'disagrees',
  neither: 'disagrees',
  cannot_tell: 'cannot_tell',
};

/** Looks of one model are asked for and taken back one after the other, so that their bound is exact. Taken before the first write. */
async function lockModel(tx: Tx, model: string): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`disagreements:${model}`}, 0))`.execute(tx);
}

const openOf = (tx: Tx, model: string) =>
  tx.selectFrom('disposition.look').where('kind', '=', 'disagreement').where('outcome', 'is', null).where('model', '=', model);

/**
 * Asks a person who is right, once a disagreement, while the model has fewer than `most` such looks open and the inspection none: a candidate that is
 * worse on every board fills no queue. What gets no look, or was settled or withdrawn meanwhile, stays on the page of the model.
 */
export async function askWhoIsRight(tx: Tx, told: EventPayloads['model.disagreed'], most: number): Promise<void> {
  await lockModel(tx, told.model);
  const now = await tx.selectFrom('inference.model_disagreement').selectAll().where('id', '=', told.disagreement_id).executeTakeFirst();
  if (!now?.beside || now.verdict !== null) return;
  const open = await openOf(tx, now.model).select('inspection_id').execute();
  if (open.length >= most || open.some(({ inspection_id }) => inspection_id === now.inspection_id)) return;
  const inspection = await tx.selectFrom('intake.inspection_now').selectAll().where('id', '=', now.inspection_id).executeTakeFirst();
  if (!inspection) return;
  await tx
    .insertInto('disposition.look')
    .values({
      inspection_id: inspection.id,
      kind: 'disagreement',
      site: inspection.site,
      station_id: inspection.station_id,
      why: 'models_disagree',
      operation_id: null,
      share: null,
      disagreement_id: now.id,
      model: now.model,
      candidate_version: now.candidate_version,
    })
    .onConflict((at) => at.doNothing())
    .execute();
}

/** A person said who is right: the look is over, and says what was said last. */
export async function closeDisagreement(tx: Tx, { disagreement_id }: EventPayloads['model.disagreement_settled']): Promise<void> {
  const now = await tx.selectFrom('inference.model_disagreement').selectAll().where('id', '=', disagreement_id).executeTakeFirst();
  if (!now || now.verdict === null) return;
  await tx
    .updateTable('disposition.look')
    .set({ outcome: OUTCOME[now.verdict], note: now.note, reviewed_by: now.settled_by, reviewed_at: now.settled_at })
    .where('disagreement_id', '=', disagreement_id)
    .execute();
}

/** A version is neither shadow nor canary any more: nobody needs to say now whether it was right. Its disagreements stay on the page of the model. */
export async function withdrawDisagreements(tx: Tx, { model, version, to }: EventPayloads['model.stage_changed']): Promise<void> {
  if (to === 'shadow' || to === 'canary') return;
  await lockModel(tx, model);
  await tx
    .deleteFrom('disposition.look')
    .where('kind', '=', 'disagreement')
    .where('outcome', 'is', null)
    .where('model', '=', model)
    .where('candidate_version', '=', version)
    .execute();
}

/** What a reviewer needs to settle each, by its id. */
export async function disagreementsOf(
  on: Reads<DispositionTables>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, ReviewDisagreement>> {
  if (ids.length === 0) return new Map();
  const rows = await on.selectFrom('inference.model_disagreement').selectAll().where('id', 'in', ids).execute();
  return new Map(
    rows.map(({ id, model, role, production_version, candidate_version, calls_differ, differences }) => [
      id,
      {
        id,
        model,
        role,
        production_version,
        candidate_version,
        decided_by: role === 'shadow' ? 'production' : 'candidate',
        calls_differ,
        differences,
      },
    ]),
  );
}
