import type { Reads } from '../../platform/db/database.ts';
import type { InferenceTables } from '../tables.ts';

/** The version of a model that judges now; null when there is none. */
export async function productionOf(on: Reads<InferenceTables>, model: string): Promise<number | null> {
  const row = await on
    .selectFrom('inference.model_version')
    .select('version')
    .where('model', '=', model)
    .where('stage', '=', 'production')
    .executeTakeFirst();
  return row?.version ?? null;
}
