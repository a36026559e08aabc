import type { Caller } from '../contracts/permissions.ts';
import type { Repeat } from '../contracts/review.ts';
import type { Reads } from '../platform/db/database.ts';
import { uuidv7 } from '../platform/id.ts';
import { drawnForAudit } from './audit-draw.ts';
import type { Tx } from './case.ts';
import type { ReviewSettings } from './looks.ts';
import type { DispositionTables, LookRow, RepeatRow } from './tables.ts';

/*
 * An answered audit that is asked again of somebody else: without it nobody knows how far two reviewers agree.
 *
 *   second --the same word--> done
 *     `--another word--> third --a quality engineer decides--> done
 */

/** Who decides where two reviewers differ. */
export const decides = ({ roles }: Pick<Caller, 'roles'>): boolean => roles.includes('quality_engineer');

/** What stands for the subject of an outside provider's person of whom only the name was kept (migration 0019). */
export const onlyName = (name: string): string => `name:${name}`;

/**
 * Asks another person the same for a share of the answered audits, in the commit of the answer. Drawn by a hash of the inspection and not by what was said: the
 * drawn ones stand for all answers. The draw is another one than that of the audits, of which each would otherwise be drawn or none.
 */
export async function askAgain(tx: Tx, look: LookRow, by: Caller, { repeatShare, auditSeed }: ReviewSettings): Promise<void> {
  const { inspection_id, site, station_id, operation_id, outcome } = look;
  if (look.kind !== 'audit' || outcome === null) return;
  if (!drawnForAudit(inspection_id, repeatShare, `${auditSeed}/again`)) return;
  await tx
    .insertInto('disposition.repeat')
    .values({
      id: uuidv7(),
      inspection_id,
      site,
      station_id,
      operation_id,
      share: repeatShare,
      first_subject: by.subject,
      first_by: by.name,
      first_outcome: outcome,
    })
    .onConflict((at) => at.doNothing())
    .execute();
}

/** What a reviewer needs to answer; the words of the two are for the third alone, so that the second says what they see themselves. */
function shownRepeat({ id, state, first_by, first_outcome, second_by, second_outcome }: RepeatRow): Repeat {
  const answers = [
    { by: first_by, outcome: first_outcome },
    ...(second_by === null || second_outcome === null ? [] : [{ by: second_by, outcome: second_outcome }]),
  ];
  return state === 'third' ? { id, turn: 'third', answers } : { id, turn: 'second', answers: [] };
}

/** By inspection. */
export async function repeatsOf(on: Reads<DispositionTables>, inspections: readonly string[]): Promise<ReadonlyMap<string, Repeat>> {
  if (inspections.length === 0) return new Map();
  const rows = await on.selectFrom('disposition.repeat').selectAll().where('inspection_id', 'in', inspections).execute();
  return new Map(rows.map((row) => [row.inspection_id, shownRepeat(row)]));
}
