import type { MODEL_STAGES } from '../../contracts/inference.ts';

/*
 * draft      known, runs only when somebody names it
 * shadow     looks at what production judged, and never answers
 * canary     judges its share of the lots
 * production judges the rest
 * retired    judges the lots that it began, unless it was withdrawn; nothing else
 *
 *   draft ------> shadow ------> canary ------> production
 *     ^  \          | ^            |   \            |
 *     |   `---------|-|------------'    \           | by another's promotion, or by a rollback (then the one that it replaced comes back)
 *     `-------------' `---- retired <----+----------'
 */
export type Stage = (typeof MODEL_STAGES)[number];

/** What a person may ask for. Production is left by another's promotion or a rollback alone. */
const ASKED: Readonly<Record<Stage, readonly Stage[]>> = {
  draft: ['shadow', 'canary', 'retired'],
  shadow: ['canary', 'draft', 'retired'],
  canary: ['production', 'shadow', 'retired'],
  production: [],
  retired: ['shadow'],
};
/** Stages that one version of a model holds at a time. */
const ALONE: readonly Stage[] = ['shadow', 'canary', 'production'];
const USUAL_PERCENT = 10;

export interface Standing {
  version: number;
  stage: Stage;
  canary_percent: number | null;
  /** Whose place in production this version took. */
  replaced: number | null;
  withdrawn: boolean;
}

/** One version's step. Rows are written in this order: a place is left before it is taken. */
export interface Step {
  version: number;
  from: Stage;
  to: Stage;
  canary_percent: number | null;
  replaced: number | null;
  withdrawn: boolean;
}
export type Plan =
  | { kind: 'steps'; steps: Step[] }
  | { kind: 'refused'; rule: 'transition' | 'occupied' | 'percent' | 'target'; detail: string };

const refused = (rule: 'transition' | 'occupied' | 'percent' | 'target', detail: string): Plan => ({ kind: 'refused', rule, detail });

function step(of: Standing, to: Stage, more: Partial<Step> = {}): Step {
  // A canary that is taken back leaves its lots to production; one that is promoted keeps them.
  const withdrawn = to === 'canary' || to === 'production' ? false : of.stage === 'canary' ? true : of.withdrawn;
  return { version: of.version, from: of.stage, to, canary_percent: null, replaced: of.replaced, withdrawn, ...more };
}

/** What a wish for a stage comes to, over all versions of the model. Pure. */
export function planStage(versions: readonly Standing[], version: number, to: Stage, percent?: number): Plan {
  const it = versions.find((one) => one.version === version);
  if (!it) return refused('target', `there is no version ${version}`);
  if (percent !== undefined && to !== 'canary') return refused('percent', 'canary_percent goes with stage canary alone');
  if (it.stage === 'canary' && to === 'canary') {
    if (percent === undefined || percent === it.canary_percent) return refused('transition', `version ${version} is the canary already`);
    return { kind: 'steps', steps: [step(it, 'canary', { canary_percent: percent })] };
  }
  if (!ASKED[it.stage].includes(to)) {
    const ways = ASKED[it.stage].length > 0 ? `${it.stage} goes to ${ASKED[it.stage].join(', ')}` : 'promote another version, or roll back';
    return refused('transition', `version ${version} is in stage ${it.stage}, which does not go to ${to}: ${ways}`);
  }
  const holder = ALONE.includes(to) ? versions.find((one) => one.stage === to) : undefined;
  if (to === 'production')
    return {
      kind: 'steps',
      steps: [...(holder ? [step(holder, 'retired')] : []), step(it, 'production', { replaced: holder?.version ?? it.replaced })],
    };
  if (holder) return refused('occupied', `version ${holder.version} is the ${to}: one at a time`);
  return { kind: 'steps', steps: [step(it, to, to === 'canary' ? { canary_percent: percent ?? USUAL_PERCENT } : {})] };
}

/**
 * Production goes back to the version that it replaced; the one that leaves is withdrawn. `from`: the one that was seen in production, so that two who roll
 * back at once go one step back and not two. Pure.
 */
export function planRollback(versions: readonly Standing[], from?: number): Plan {
  const now = versions.find(({ stage }) => stage === 'production');
  if (!now) return refused('target', 'no version is in production');
  if (from !== undefined && from !== now.version)
    return refused('target', `version ${from} is not in production, version ${now.version} is`);
  const before = versions.find(({ version }) => version === now.replaced);
  if (!before) return refused('target', `version ${now.version} replaced no other: there is none to go back to`);
  if (before.withdrawn) return refused('target', `version ${before.version} was taken back itself: promote another`);
  return { kind: 'steps', steps: [step(now, 'retired', { withdrawn: true }), step(before, 'production')] };
}

/** A canary that is worse: back to shadow, where it can be looked at, or out where the shadow's place is taken. Pure. */
export function planWithdrawal(versions: readonly Standing[], version: number): Plan {
  const it = versions.find((one) => one.version === version);
  if (it?.stage !== 'canary') return refused('target', `version ${version} is not the canary`);
  const taken = versions.some(({ stage }) => stage === 'shadow');
  return { kind: 'steps', steps: [step(it, taken ? 'retired' : 'shadow')] };
}
