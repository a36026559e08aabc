import { sql } from 'kysely';
import type { Transaction } from '../platform/db/door.ts';
import type { InferenceTables, InspectionRow } from './tables.ts';

interface Picture {
  id: string;
  sha256: string;
  readable: boolean | null;
  expired: boolean;
}

/** What a station and master data have given so far; always the newest file of a kind. */
export interface Given {
  image: Picture | null;
  reference: Picture | null;
  /** Golden template of the lot's product revision. */
  template: string | null;
}

export type Inputs =
  | { kind: 'whole'; image: string; reference: string }
  | { kind: 'missing'; detail: string }
  | { kind: 'unreadable'; reason: 'unreadable_image' | 'unreadable_reference'; artifact: string; detail: string };

/** The golden template goes before a posted reference. A picture that does not decode is told at once, whatever else is still to come. */
export function judgeInputs({ image, reference, template }: Given): Inputs {
  if (image?.readable === false)
    return { kind: 'unreadable', reason: 'unreadable_image', artifact: image.id, detail: 'the image does not decode' };
  if (template === null && reference?.readable === false)
    return { kind: 'unreadable', reason: 'unreadable_reference', artifact: reference.id, detail: 'the posted reference does not decode' };
  const golden = template ?? (reference && !reference.expired ? reference.sha256 : null);
  const missing = [
    ...(image === null ? ['an image'] : image.expired ? ['the bytes of its image, which are no longer kept'] : []),
    ...(golden === null ? ['a golden template: its lot has no product revision with one, and no reference is kept'] : []),
  ];
  if (image === null || golden === null || missing.length > 0)
    return { kind: 'missing', detail: `The inspection lacks ${missing.join(' and ')}` };
  return { kind: 'whole', image: image.sha256, reference: golden };
}

/** Reads what an inspection has, one walk down the index of its files. */
export async function givenOf(tx: Transaction<InferenceTables>, inspection: InspectionRow): Promise<Given> {
  const { rows: files } = await sql<Picture & { kind: 'image' | 'reference' }>`
    SELECT DISTINCT ON (kind) kind, id, sha256, readable, expired_at IS NOT NULL AS expired
    FROM intake.artifact_file
    WHERE inspection_id = ${inspection.id}::uuid AND kind IN ('image', 'reference')
    ORDER BY kind, id DESC`.execute(tx);
  const lot = await tx
    .selectFrom('masterdata.lot_revision')
    .select('template_sha256')
    .where('site', '=', inspection.site)
    .where('lot_id', '=', inspection.lot_id)
    .executeTakeFirst();
  const newest = (kind: string) => files.find((file) => file.kind === kind) ?? null;
  return { image: newest('image'), reference: newest('reference'), template: lot?.template_sha256 ?? null };
}
