import { isDeepStrictEqual } from 'node:util';
import { sql } from 'kysely';
import type { Cause, Decided, Door } from '../../platform/db/door.ts';
import { traceId } from '../../platform/id.ts';
import type { InferenceTables } from '../tables.ts';
import type { Log } from '../threads/pool.ts';
import { noteStage } from './change-stage.ts';
import type { Manifest } from './manifest.ts';
import type { VerifiedModel } from './repository.ts';

/** Nobody asked: the start of the program, or the watcher. */
export const systemCause = (): Cause => ({
  actor: { subject: 'system', name: 'inference', kind: 'system' },
  requestId: null,
  traceId: traceId(),
});

/** What of a manifest a verdict depends on. */
const judging = ({ classes, calibration: { a, b }, thresholds, nms_iou, input }: Manifest) => ({
  classes,
  a,
  b,
  thresholds,
  nms_iou,
  input,
});

/**
 * Registers a version that the repository holds: the first of a model goes to production, unless it is for research; any other is a draft until somebody
 * moves it. A version is what it was when it was first seen: the same number with other bytes or thresholds is refused. Several processes may start at
 * once: one registers, the others find it.
 */
export async function registerModel(door: Door, { manifest, card = null }: VerifiedModel): Promise<'registered' | 'known' | 'changed'> {
  return await door.change<InferenceTables, 'registered' | 'known' | 'changed'>(systemCause(), async (tx) => {
    await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`model:${manifest.name}`}, 0))`.execute(tx);
    const versions = await tx.selectFrom('inference.model_version').selectAll().where('model', '=', manifest.name).execute();
    const nothing = (result: 'known' | 'changed'): Decided<typeof result> => ({ result, events: [], audit: [] });
    const same = versions.find(({ version }) => version === manifest.version);
    if (same)
      return nothing(same.sha256 === manifest.sha256 && isDeepStrictEqual(judging(same.manifest), judging(manifest)) ? 'known' : 'changed');
    const stage = manifest.use === 'research' || versions.some((one) => one.stage === 'production') ? 'draft' : 'production';
    await tx
      .insertInto('inference.model_version')
      .values({ model: manifest.name, version: manifest.version, stage, sha256: manifest.sha256, manifest: JSON.stringify(manifest), card })
      .execute();
    await noteStage(tx, {
      model: manifest.name,
      step: { version: manifest.version, from: null, to: stage, canary_percent: null },
      reason: 'registered from the repository',
      by: 'inference',
    });
    return {
      result: 'registered',
      events: [],
      audit: [
        {
          action: 'model.registered',
          site: null,
          object: { type: 'model', id: `${manifest.name}/${manifest.version}` },
          old: null,
          new: { model: manifest.name, version: manifest.version, stage, sha256: manifest.sha256 },
          reason: 'registered from the repository',
        },
      ],
    };
  });
}

/**
 * Registers all; answers those that may be run. A changed version is said in the log and stays out. Newest first: of several versions that come to a
 * database which knows none of them the newest judges, and the older are drafts.
 */
export async function registerModels(door: Door, models: readonly VerifiedModel[], log: Log): Promise<VerifiedModel[]> {
  const usable = new Set<VerifiedModel>();
  for (const model of [...models].sort((one, other) => other.manifest.version - one.manifest.version)) {
    const { name, version, sha256 } = model.manifest;
    const outcome = await registerModel(door, model);
    if (outcome === 'changed')
      log.error(
        { model: name, version, sha256 },
        'model refused: this version was registered with other bytes or thresholds; ship it as a new version',
      );
    else usable.add(model);
    if (outcome === 'registered') log.info({ model: name, version, sha256 }, 'model registered');
  }
  return models.filter((model) => usable.has(model));
}
