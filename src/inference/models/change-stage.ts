import { type Selectable, sql } from 'kysely';
import type { ModelVersion } from '../../contracts/inference.ts';
import type { AuditDraft, Cause, Decided, Door, EventDraft, Transaction } from '../../platform/db/door.ts';
import { uuidv7 } from '../../platform/id.ts';
import { ProblemError } from '../../platform/problem.ts';
import type { InferenceTables } from '../tables.ts';
import { presentVersion, stagesVersion } from './queries.ts';
import type { Plan, Standing, Step } from './stages.ts';

type VersionRow = Selectable<InferenceTables['inference.model_version']>;

export interface StageNote {
  model: string;
  step: Omit<Step, 'from' | 'replaced' | 'withdrawn'> & { from: Step['from'] | null };
  reason: string;
  by: string;
  automatic?: boolean;
  rollback?: boolean;
  figures?: Record<string, unknown> | null;
}

/** A line of a version's history. @returns the event that tells of it */
export async function noteStage(
  tx: Transaction<InferenceTables>,
  { model, step, reason, by, automatic = false, rollback = false, figures = null }: StageNote,
): Promise<EventDraft> {
  const { version, from, to, canary_percent } = step;
  await tx
    .insertInto('inference.stage_change')
    .values({
      id: uuidv7(),
      model,
      version,
      from_stage: from,
      to_stage: to,
      canary_percent,
      automatic,
      rollback,
      reason,
      made_by: by,
      figures: figures && JSON.stringify(figures),
    })
    .execute();
  const { count } = await tx
    .selectFrom('inference.stage_change')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('model', '=', model)
    .where('version', '=', version)
    .executeTakeFirstOrThrow();
  return {
    type: 'model.stage_changed',
    site: '*',
    key: `model/${model}`,
    aggregate: { type: 'model', id: `${model}/${version}`, version: Number(count) },
    payload: { model, version, from, to, canary_percent, automatic, rollback, reason, by },
  };
}

export type JudgeVersion = (current: number) => void;

/** A version after its step, and what the stages of its model are at by then (`stagesVersion`). */
export interface Staged {
  shown: ModelVersion;
  version: number;
}

/** What is kept for a replay: `stages` is its tag, which the shape of the answer leaves out. */
export type KeptAnswer = ModelVersion & { stages: number };

export interface StageWish {
  model: string;
  /** Over the versions as they stand when all are locked. */
  plan: (versions: readonly Standing[]) => Plan;
  reason: string;
  automatic?: boolean;
  rollback?: boolean;
  figures?: Record<string, unknown> | null;
  /** Holds `If-Match` to the stages as they are. @throws ProblemError precondition_failed */
  judgeVersion?: JudgeVersion;
  /** Asked once more when all versions are locked: what was so a moment ago may have changed. @throws ProblemError transition_not_allowed */
  stillAllowed?: (tx: Transaction<InferenceTables>) => Promise<void>;
  /** Which of the versions the caller is told of. */
  shows: (steps: readonly Step[]) => number;
}

const TITLES = { transition: 'transition', occupied: 'occupied', percent: 'percent', target: 'target' } as const;

/**
 * Moves versions of one model, audited with old and new. All versions are locked first: two who ask at once are served one after the other.
 * @throws ProblemError not_found, precondition_failed, transition_not_allowed with the rule
 */
export async function changeStage(door: Door, cause: Cause, wish: StageWish): Promise<Staged> {
  const { model, reason, automatic = false, rollback = false, figures = null } = wish;
  return await door.change<InferenceTables, Staged>(cause, async (tx): Promise<Decided<Staged>> => {
    await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`model:${model}`}, 0))`.execute(tx);
    const versions = await tx
      .selectFrom('inference.model_version')
      .selectAll()
      .where('model', '=', model)
      .orderBy('version')
      .forUpdate()
      .execute();
    if (versions.length === 0) throw new ProblemError('not_found');
    const current = await stagesVersion(tx, model);
    wish.judgeVersion?.(current);
    const plan = wish.plan(versions);
    if (plan.kind === 'refused') throw new ProblemError('transition_not_allowed', { detail: `Rule ${TITLES[plan.rule]}: ${plan.detail}` });
    await wish.stillAllowed?.(tx);
    const events: EventDraft[] = [];
    const audit: AuditDraft[] = [];
    const moved = new Map<number, VersionRow>();
    for (const step of plan.steps) {
      const before = versions.find(({ version }) => version === step.version) as VersionRow;
      const row = await tx
        .updateTable('inference.model_version')
        .set({
          stage: step.to,
          canary_percent: step.canary_percent,
          replaced: step.replaced,
          withdrawn: step.withdrawn,
          // A canary whose share changes goes on being judged by all that it did.
          ...(step.from === step.to ? {} : { stage_since: new Date() }),
        })
        .where('model', '=', model)
        .where('version', '=', step.version)
        .returningAll()
        .executeTakeFirstOrThrow();
      moved.set(step.version, row);
      events.push(await noteStage(tx, { model, step, reason, by: cause.actor.name, automatic, rollback, figures }));
      audit.push({
        action: rollback ? 'model.rolled_back' : 'model.stage_changed',
        site: null,
        object: { type: 'model', id: `${model}/${step.version}` },
        old: { stage: before.stage, canary_percent: before.canary_percent, since: before.stage_since.toISOString() },
        new: { stage: step.to, canary_percent: step.canary_percent, automatic, ...(figures ? { figures } : {}) },
        reason,
      });
    }
    const body = presentVersion(moved.get(wish.shows(plan.steps)) as VersionRow);
    const version = current + plan.steps.length;
    const answer: { status: 200; body: KeptAnswer } = { status: 200, body: { ...body, stages: version } };
    return { result: { shown: body, version }, events, audit, answer };
  });
}
