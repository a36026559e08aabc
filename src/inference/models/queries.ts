import { type Selectable, sql } from 'kysely';
import type { ModelVersion } from '../../contracts/inference.ts';
import type { Reads } from '../../platform/db/database.ts';
import type { Transaction } from '../../platform/db/door.ts';
import type { InferenceTables } from '../tables.ts';

export interface ModelRow {
  name: string;
  production_version: number | null;
  canary_version: number | null;
  shadow_version: number | null;
  versions: number;
}

/** Models by name, one row each; `after` is the last name of the page before. */
export async function listModels(on: Reads<InferenceTables>, after: string | null, limit: number): Promise<ModelRow[]> {
  const { rows } = await sql<ModelRow>`
    SELECT model AS name, max(version) FILTER (WHERE stage = 'production') AS production_version,
           max(version) FILTER (WHERE stage = 'canary') AS canary_version, max(version) FILTER (WHERE stage = 'shadow') AS shadow_version, count(*)::int AS versions
    FROM inference.model_version WHERE model > ${after ?? ''} GROUP BY model ORDER BY model LIMIT ${limit}`.execute(on);
  return rows;
}

/** Versions of a model, newest first; `before` is the last version of the page before. Empty when there is no such model. */
export async function listVersions(
  on: Reads<InferenceTables>,
  model: string,
  before: number | null,
  limit: number,
): Promise<ModelVersion[]> {
  let query = on.selectFrom('inference.model_version').selectAll().where('model', '=', model);
  if (before !== null) query = query.where('version', '<', before);
  const rows = await query.orderBy('version', 'desc').limit(limit).execute();
  return rows.map(presentVersion);
}

/** How often a stage of this model changed: what `ETag` and `If-Match` say of its versions, whose stages hang together. */
export async function stagesVersion(on: Reads<InferenceTables> | Transaction<InferenceTables>, model: string): Promise<number> {
  const { rows } = await sql<{ steps: number }>`SELECT count(*)::int AS steps FROM inference.stage_change WHERE model = ${model}`.execute(
    on,
  );
  return rows[0]?.steps ?? 0;
}

export function presentVersion({ manifest, ...row }: Selectable<InferenceTables['inference.model_version']>): ModelVersion {
  return {
    model: row.model,
    version: row.version,
    stage: row.stage,
    stage_since: row.stage_since.toISOString(),
    canary_percent: row.canary_percent,
    sha256: row.sha256,
    classes: manifest.classes,
    thresholds: manifest.thresholds,
    calibration: { a: manifest.calibration.a, b: manifest.calibration.b },
    metrics: { ...(manifest.validation ? { validation: manifest.validation } : {}), ...(manifest.metrics ?? {}) },
    registered_at: row.registered_at.toISOString(),
  };
}
