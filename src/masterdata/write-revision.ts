import { sql } from 'kysely';
import type { ProductRevision, RevisionWrite } from '../contracts/masterdata.ts';
import type { Caller } from '../contracts/permissions.ts';
import type { Cause, Door, Transaction } from '../platform/db/door.ts';
import { invalid, ProblemError } from '../platform/problem.ts';
import { findRevision, isInUse, isSame, judgeLimits, lockRevision, plainLimits, presentRevision, type RevisionName } from './revision.ts';
import type { MasterdataTables } from './tables.ts';

/** The policy that the body names, or the newest `standard`. @throws ProblemError validation_error when it is not known */
async function policyOf(tx: Transaction<MasterdataTables>, named: RevisionWrite['policy']) {
  const { name, version } = named ?? { name: 'standard', version: null };
  let query = tx.selectFrom('disposition.known_policy').selectAll().where('name', '=', name);
  if (version !== null) query = query.where('version', '=', version);
  const found = await query.orderBy('version', 'desc').limit(1).executeTakeFirst();
  if (!found) throw invalid('body -> policy', 'There is no such policy', 'known', `${name} ${version ?? ''}`.trim());
  return found;
}

/**
 * Makes a product revision, or changes one that no lot uses yet. Writing what is there already changes nothing and is no fault.
 * @throws ProblemError validation_error, precondition_failed, revision_in_use
 */
export async function writeRevision(
  door: Door,
  cause: Cause,
  name: RevisionName,
  body: RevisionWrite,
  { caller, judgeVersion }: { caller: Caller; judgeVersion: (current: number | null) => void },
): Promise<{ revision: ProductRevision; isNew: boolean }> {
  const faults = judgeLimits(body.limits ?? []);
  if (body.description !== undefined && (!body.description.isWellFormed() || body.description.includes('\0')))
    faults.push({ field: 'body -> description', message: 'U+0000 and unpaired surrogates are not text', constraint: 'characters' });
  if (faults.length > 0) throw new ProblemError('validation_error', { details: faults.slice(0, 100) });
  return door.change<MasterdataTables, { revision: ProductRevision; isNew: boolean }>(cause, async (tx) => {
    // The row is not there before its first writing: two first ones wait for each other here.
    await sql`select pg_advisory_xact_lock(hashtextextended(${`revision:${name.product}/${name.revision}`}, 0))`.execute(tx);
    const was = await lockRevision(tx, name);
    const used = was !== undefined && (await isInUse(tx, name));
    judgeVersion(was?.version ?? null);
    if (was && isSame(was, body)) return { result: { revision: presentRevision(was, used), isNew: false }, events: [], audit: [] };
    if (used) throw new ProblemError('revision_in_use');
    const keepsPolicy = was !== undefined && body.policy === undefined;
    const policy = keepsPolicy ? { name: was.policy_name, version: was.policy_version } : await policyOf(tx, body.policy);
    const values = {
      description: body.description ?? null,
      limits: JSON.stringify(plainLimits(body.limits ?? [])) as never,
      policy_name: policy.name,
      policy_version: policy.version,
    };
    const now = new Date();
    if (was) {
      await tx
        .updateTable('masterdata.product_revision')
        .set({ ...values, version: was.version + 1, updated_at: now })
        .where('product', '=', name.product)
        .where('revision', '=', name.revision)
        .execute();
    } else {
      const fresh = { ...name, ...values, version: 1, created_by: caller.name, created_at: now, updated_at: now };
      await tx
        .insertInto('masterdata.product_revision')
        .values(fresh as never)
        .execute();
    }
    const row = await findRevision(tx, name);
    if (!row) throw new Error('the revision that was just written is not there');
    const revision = presentRevision(row, false);
    return {
      result: { revision, isNew: was === undefined },
      events: [],
      audit: [
        {
          action: 'product.revision_written',
          site: null,
          object: { type: 'product_revision', id: `${name.product}/${name.revision}` },
          old: was ? presentRevision(was, used) : null,
          new: revision,
        },
      ],
    };
  });
}
