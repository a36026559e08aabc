import { sql } from 'kysely';
import type { Static } from 'typebox';
import type { Lot, LotAssign } from '../contracts/masterdata.ts';
import type { Cause, Door } from '../platform/db/door.ts';
import { invalid, ProblemError } from '../platform/problem.ts';
import { lotsNamed, presentLot, type WholeLot } from './lot.ts';
import { lockRevision } from './revision.ts';
import type { MasterdataTables } from './tables.ts';

const facts = ({ product, revision }: Pick<WholeLot, 'product' | 'revision'>) => ({ product, revision });

/**
 * Opens a lot with its product revision, or gives one to a lot that is open. Assigning what is assigned changes nothing. The product may change until a
 * board of the lot is looked at; from then on, what was judged by one revision must not look judged by another. The lot's lock is that of its verdicts and
 * of the runs that start: none of them reads the product while it changes.
 * @throws ProblemError validation_error for an unknown revision, precondition_failed, transition_not_allowed
 */
export function assignLot(
  door: Door,
  cause: Cause,
  { site, lotId }: { site: string; lotId: string },
  wanted: Static<typeof LotAssign>,
  judgeVersion: (current: number | null) => void,
): Promise<{ lot: Lot; isNew: boolean }> {
  return door.change<MasterdataTables, { lot: Lot; isNew: boolean }>(cause, async (tx) => {
    await sql`select pg_advisory_xact_lock(hashtextextended(${`lot:${site}/${lotId}`}, 0))`.execute(tx);
    const locked = await tx
      .selectFrom('masterdata.lot')
      .select('version')
      .where('site', '=', site)
      .where('lot_id', '=', lotId)
      .forUpdate()
      .executeTakeFirst();
    const [was] = locked ? await lotsNamed(tx, lotId, site) : [];
    if (!(await lockRevision(tx, { product: wanted.product, revision: wanted.revision })))
      throw invalid('body -> revision', 'There is no such product revision', 'known', `${wanted.product} ${wanted.revision}`);
    judgeVersion(was?.version ?? null);
    if (was && was.product === wanted.product && was.revision === wanted.revision)
      return { result: { lot: presentLot(was), isNew: false }, events: [], audit: [] };
    if (was && was.product !== null && was.pass + was.fail + was.inconclusive > 0)
      throw new ProblemError('transition_not_allowed', {
        detail: 'The lot has judged inspections: its product revision no longer changes',
      });
    if (was && was.product !== null && was.in_progress + was.awaiting_review > 0)
      throw new ProblemError('transition_not_allowed', {
        detail: 'Inspections of the lot are looked at by its product revision: it changes only before that, or once they are cancelled',
      });
    await sql`
      insert into masterdata.lot as l (site, lot_id, product, revision) values (${site}, ${lotId}, ${wanted.product}, ${wanted.revision})
      on conflict (site, lot_id) do update set product = excluded.product, revision = excluded.revision, version = l.version + 1`.execute(
      tx,
    );
    const [now] = await lotsNamed(tx, lotId, site);
    if (!now) throw new Error('the lot that was just written is not there');
    const lot = presentLot(now);
    const id = `${site}/${lotId}`;
    return {
      result: { lot, isNew: was === undefined },
      events: [
        {
          type: 'lot.assigned',
          site,
          key: id,
          aggregate: { type: 'lot', id, version: now.version },
          payload: { lot_id: lotId, product: wanted.product, revision: wanted.revision },
        },
      ],
      audit: [{ action: 'lot.assigned', site, object: { type: 'lot', id }, old: was ? facts(was) : null, new: facts(now) }],
    };
  });
}
