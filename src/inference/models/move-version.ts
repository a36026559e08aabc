import type { RollbackRequest, StageRequest } from '../../contracts/models.ts';
import { type Database, type Reads, reads } from '../../platform/db/database.ts';
import type { Cause, Door, Transaction } from '../../platform/db/door.ts';
import { ProblemError } from '../../platform/problem.ts';
import type { InferenceTables } from '../tables.ts';
import { changeStage, type JudgeVersion, type Staged } from './change-stage.ts';
import { stagesVersion } from './queries.ts';
import { type VerifiedModel, verifiedBytes } from './repository.ts';
import { planRollback, planStage } from './stages.ts';

export interface MoveDeps {
  db: Database;
  door: Door;
  /** The versions whose bytes this process holds. */
  held: () => readonly VerifiedModel[];
  /** Runs a version's golden example where it can harm nothing. @returns what is wrong, or null */
  tryGolden: (model: VerifiedModel) => Promise<string | null>;
  /** Whether the runtime that will judge can run the version; of a process that runs none: whether it knows it. */
  ready: (model: string, version: number) => boolean;
  /** A version that was rolled back is not promoted again for so long, in milliseconds. */
  rollbackPauseMs: number;
}

const refused = (rule: string, detail: string) => new ProblemError('transition_not_allowed', { detail: `Rule ${rule}: ${detail}` });

/** @throws ProblemError transition_not_allowed for a version that was rolled back less than `pauseMs` ago */
async function requireRested(
  on: Reads<InferenceTables> | Transaction<InferenceTables>,
  name: string,
  version: number,
  pauseMs: number,
): Promise<void> {
  const back = await on
    .selectFrom('inference.stage_change')
    .select('made_at')
    .where('model', '=', name)
    .where('version', '=', version)
    .where('rollback', '=', true)
    .where('to_stage', '<>', 'production')
    .where('made_at', '>', new Date(Date.now() - pauseMs))
    .executeTakeFirst();
  if (back)
    throw refused(
      'rolled_back',
      `version ${version} was rolled back at ${back.made_at.toISOString()}: it rests for ${pauseMs / 60_000} minutes`,
    );
}

/**
 * What a version must have shown before it judges boards: its bytes are here and are those that were registered, it may be used for more than research, it
 * was not rolled back lately, it answers its golden example, and what will run it there (an inference server loads what its own settings name) has it ready.
 */
async function passGates({ db, held, tryGolden, ready, rollbackPauseMs }: MoveDeps, name: string, version: number): Promise<void> {
  const on = reads<InferenceTables>(db);
  const known = await on
    .selectFrom('inference.model_version')
    .select('sha256')
    .where('model', '=', name)
    .where('version', '=', version)
    .executeTakeFirst();
  if (!known) throw new ProblemError('not_found');
  const model = held().find(({ manifest }) => manifest.name === name && manifest.version === version);
  if (!model) throw refused('bytes', `the repository holds no usable bytes of version ${version}`);
  if (model.manifest.use === 'research')
    throw refused('research', `version ${version} was trained on data that allow research alone: it judges no boards`);
  if (model.manifest.sha256 !== known.sha256) throw refused('bytes', `the bytes of version ${version} are not those that were registered`);
  if (model.folder !== undefined)
    await verifiedBytes(model.folder, known.sha256).catch((error: Error) => {
      throw refused('bytes', error.message);
    });
  await requireRested(on, name, version, rollbackPauseMs);
  const fault = await tryGolden(model);
  if (fault !== null) throw refused('golden', `version ${version}: ${fault}`);
  if (!ready(name, version)) throw refused('ready', `the runtime that judges boards has not loaded version ${version}`);
}

/** @throws ProblemError not_found, precondition_failed, transition_not_allowed with the rule that stands in the way */
export async function moveVersion(
  deps: MoveDeps,
  cause: Cause,
  model: string,
  version: number,
  wish: StageRequest,
  judgeVersion: JudgeVersion,
): Promise<Staged> {
  const { stage, reason, canary_percent } = wish;
  const on = reads<InferenceTables>(deps.db);
  const plan = (versions: Parameters<typeof planStage>[0]) => planStage(versions, version, stage, canary_percent);
  const standing = await on.selectFrom('inference.model_version').selectAll().where('model', '=', model).execute();
  if (!standing.some((one) => one.version === version)) throw new ProblemError('not_found');
  // A repeat under its key is answered as the first time, whatever has changed since: the door finds it before the stages are judged again.
  if (cause.idempotency === undefined) judgeVersion(await stagesVersion(on, model));
  // What the table of stages forbids is said first; it is judged again when all versions are locked.
  const judges = stage === 'canary' || stage === 'production';
  const barred: Error | null =
    judges && plan(standing).kind === 'steps'
      ? await passGates(deps, model, version).then(
          () => null,
          (error: Error) => error,
        )
      : null;
  return await changeStage(deps.door, cause, {
    model,
    plan,
    reason,
    judgeVersion,
    shows: () => version,
    // Said here, where a repeat under its key was answered already. The golden example takes its time: the canary may have been taken back meanwhile.
    stillAllowed: async (tx) => {
      if (barred) throw barred;
      if (judges) await requireRested(tx, model, version, deps.rollbackPauseMs);
    },
  });
}

/** One call: production is the version before. @throws ProblemError not_found, precondition_failed, transition_not_allowed */
export async function rollBack(
  { door, held }: MoveDeps,
  cause: Cause,
  model: string,
  { reason, from }: RollbackRequest,
  judgeVersion: JudgeVersion,
): Promise<Staged> {
  return await changeStage(door, cause, {
    model,
    plan: (versions) => {
      const plan = planRollback(versions, from);
      const to = plan.kind === 'steps' ? plan.steps[1]?.version : undefined;
      if (to === undefined || held().some(({ manifest }) => manifest.name === model && manifest.version === to)) return plan;
      return { kind: 'refused', rule: 'target', detail: `the repository holds no usable bytes of version ${to}` };
    },
    reason,
    judgeVersion,
    rollback: true,
    shows: (steps) => steps.find(({ to }) => to === 'production')?.version ?? 0,
  });
}
