import { isDeepStrictEqual } from 'node:util';
import { sql } from 'kysely';
import type { MeasurementLimit, ProductRevision, RevisionWrite } from '../contracts/masterdata.ts';
import type { ProblemDetail } from '../contracts/problems.ts';
import type { Reads } from '../platform/db/database.ts';
import type { Transaction } from '../platform/db/door.ts';
import type { MasterdataTables, RevisionRow } from './tables.ts';

type On = Reads<MasterdataTables> | Transaction<MasterdataTables>;
export interface RevisionName {
  product: string;
  revision: string;
}

export function presentRevision(row: RevisionRow, inUse: boolean): ProductRevision {
  const { template_sha256: sha256, template_content_type, template_width, template_height, template_size } = row;
  return {
    product: row.product,
    revision: row.revision,
    description: row.description,
    limits: row.limits,
    policy: { name: row.policy_name, version: row.policy_version },
    template:
      sha256 === null
        ? null
        : {
            sha256,
            content_type: template_content_type ?? '',
            width: template_width ?? 0,
            height: template_height ?? 0,
            size: Number(template_size),
          },
    in_use: inUse,
    version: row.version,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}

/** Limits that no value can meet, and a characteristic that is limited twice. */
export function judgeLimits(limits: readonly MeasurementLimit[]): ProblemDetail[] {
  const faults: ProblemDetail[] = [];
  const seen = new Set<string>();
  for (const [index, { characteristic, unit, lsl, usl }] of limits.entries()) {
    const at = (name: string) => `body -> limits -> ${index} -> ${name}`;
    if (typeof lsl === 'number' && typeof usl === 'number' && lsl > usl)
      faults.push({ field: at('lsl'), message: 'The lower limit lies above the upper one', constraint: 'limits', invalid_value: lsl });
    if (seen.has(characteristic))
      faults.push({ field: at('characteristic'), message: 'Limited twice', constraint: 'unique', invalid_value: characteristic });
    if (!characteristic.isWellFormed() || !unit.isWellFormed())
      faults.push({ field: at('characteristic'), message: 'Unpaired surrogates are not text', constraint: 'characters' });
    seen.add(characteristic);
  }
  return faults;
}

/** -0 is kept as 0. */
const unsigned = (limit: number | null): number | null => (limit === 0 ? 0 : limit);

/** A limit with every name it may have, so that equal limits are equal however they were written. */
export const plainLimits = (limits: readonly MeasurementLimit[]): MeasurementLimit[] =>
  limits.map(({ characteristic, unit, lsl, usl, target = null }) => ({
    characteristic,
    unit,
    lsl: unsigned(lsl),
    usl: unsigned(usl),
    target: unsigned(target),
  }));

/** Whether writing this would change nothing. A policy that is left out means the one that is there. */
export function isSame(row: RevisionRow, body: RevisionWrite): boolean {
  const samePolicy = body.policy === undefined || (body.policy.name === row.policy_name && body.policy.version === row.policy_version);
  return (
    samePolicy &&
    (body.description ?? null) === row.description &&
    isDeepStrictEqual(plainLimits(body.limits ?? []), plainLimits(row.limits))
  );
}

export function findRevision(on: On, { product, revision }: RevisionName): Promise<RevisionRow | undefined> {
  return on
    .selectFrom('masterdata.product_revision')
    .selectAll()
    .where('product', '=', product)
    .where('revision', '=', revision)
    .executeTakeFirst();
}

/** The row, locked: who gives it to a lot waits for who changes it, and the other way round. */
export function lockRevision(tx: Transaction<MasterdataTables>, { product, revision }: RevisionName): Promise<RevisionRow | undefined> {
  return tx
    .selectFrom('masterdata.product_revision')
    .selectAll()
    .where('product', '=', product)
    .where('revision', '=', revision)
    .forUpdate()
    .executeTakeFirst();
}

export async function isInUse(on: On, { product, revision }: RevisionName): Promise<boolean> {
  const { rows } = await sql<{ used: boolean }>`
    select exists (select 1 from masterdata.lot where product = ${product} and revision = ${revision}) as used`.execute(on);
  return rows[0]?.used ?? true;
}
