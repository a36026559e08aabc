import { createHash } from 'node:crypto';
import type { ModelVersionDetail } from '../../contracts/models.ts';
import type { Reads } from '../../platform/db/database.ts';
import { ProblemError } from '../../platform/problem.ts';
import type { InferenceTables } from '../tables.ts';
import { presentVersion } from './queries.ts';

/** Steps of a version that are shown. */
const STEPS = 100;

/** One hash over the data sets of a training, in the order in which they were used; null where the manifest does not tell. */
function fingerprint(training: Record<string, unknown> | undefined): string | null {
  const data = training?.data;
  if (!Array.isArray(data) || data.length === 0) return null;
  const hashes = data.map((set: { manifest_sha256?: unknown }) => set?.manifest_sha256);
  if (!hashes.every((hash) => typeof hash === 'string')) return null;
  return createHash('sha256').update(hashes.join('\n')).digest('hex');
}

/** All that is known of one version. @throws ProblemError not_found */
export async function detailOf(
  on: Reads<InferenceTables>,
  model: string,
  version: number,
  ready: (model: string, version: number) => boolean,
): Promise<ModelVersionDetail> {
  const row = await on
    .selectFrom('inference.model_version')
    .selectAll()
    .where('model', '=', model)
    .where('version', '=', version)
    .executeTakeFirst();
  if (!row) throw new ProblemError('not_found');
  const steps = await on
    .selectFrom('inference.stage_change')
    .selectAll()
    .where('model', '=', model)
    .where('version', '=', version)
    .orderBy('id', 'desc')
    .limit(STEPS)
    .execute();
  const { input, outputs, training, nms_iou } = row.manifest;
  return {
    ...presentVersion(row),
    input: input ?? null,
    outputs: outputs ?? null,
    nms_iou,
    training: training ?? null,
    training_sha256: fingerprint(training),
    card: row.card,
    replaced: row.replaced,
    ready: ready(model, version),
    history: steps.map((step) => ({
      id: step.id,
      from: step.from_stage,
      to: step.to_stage,
      canary_percent: step.canary_percent,
      automatic: step.automatic,
      rollback: step.rollback,
      reason: step.reason,
      by: step.made_by,
      at: step.made_at.toISOString(),
      figures: step.figures,
    })),
  };
}
