import { wilson } from '../../platform/statistics/wilson.ts';

/** When a canary is worse than production. Pure: figures in, a breach or none out. */
export interface Judged {
  /** Boards that it judged, the newest 1,000 since the canary began. */
  boards: number;
  /** Of those, boards with a call. */
  called: number;
  /** Boards that a try gave no answer for, in the time of those boards. */
  faults: number;
  /** Milliseconds of the model alone; null without boards. */
  p95: number | null;
}
export interface CanaryFigures {
  production: Judged;
  canary: Judged;
  /** Production's second looks at boards of the canary. */
  looks: { boards: number; differing: number; p95: number | null };
}
export interface CanaryLimits {
  /** Boards below which nothing is said of latency, calls and disagreement. */
  minBoards: number;
  /** Largest share of tries without an answer. */
  errorShare: number;
  /** Largest p95 against production's. */
  latencyRatio: number;
  /** Largest share of boards that production calls otherwise. */
  disagreement: number;
}
export type Rule = 'errors' | 'latency' | 'calls' | 'disagreement';
export interface Breach {
  rule: Rule;
  words: string;
}

/** One-sided 99.5 %: checked every few seconds, a rule that errs in one of twenty would roll back every canary sooner or later. */
const Z = 2.576;
/** Tries without an answer that say something, however few boards there were. */
const FEWEST_FAULTS = 3;
/** Shares of boards with a call that lie closer than this are the lots' own difference. */
const CALLS_APART = 0.1;

/** The lower end of the interval of what was seen; 0 when nothing was tried. */
const atLeast = (hits: number, of: number): number => wilson(hits, of, Z)?.low ?? 0;

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;

function errors({ canary, production }: CanaryFigures, { errorShare }: CanaryLimits): Breach | null {
  const tries = canary.boards + canary.faults;
  const usual = production.faults / Math.max(1, production.boards + production.faults);
  const least = atLeast(canary.faults, tries);
  if (canary.faults < FEWEST_FAULTS || least <= Math.max(errorShare, usual)) return null;
  return {
    rule: 'errors',
    words: `${canary.faults} of ${tries} tries gave no answer (at least ${percent(least)}; production ${percent(usual)})`,
  };
}

function latency({ canary, production, looks }: CanaryFigures, { latencyRatio, minBoards }: CanaryLimits): Breach | null {
  const usual = production.boards >= minBoards ? production.p95 : looks.boards >= minBoards ? looks.p95 : null;
  if (canary.boards < minBoards || canary.p95 === null || usual === null || canary.p95 <= usual * latencyRatio) return null;
  return {
    rule: 'latency',
    words: `p95 of ${canary.p95.toFixed(1)} ms over ${canary.boards} boards, production's is ${usual.toFixed(1)} ms`,
  };
}

function calls({ canary, production }: CanaryFigures, { minBoards }: CanaryLimits): Breach | null {
  if (canary.boards < minBoards || production.boards < minBoards) return null;
  const [its, usual] = [canary.called / canary.boards, production.called / production.boards];
  const pooled = (canary.called + production.called) / (canary.boards + production.boards);
  const error = Math.sqrt(pooled * (1 - pooled) * (1 / canary.boards + 1 / production.boards));
  if (Math.abs(its - usual) <= Math.max(CALLS_APART, Z * error)) return null;
  return {
    rule: 'calls',
    words: `a call on ${percent(its)} of ${canary.boards} boards, production on ${percent(usual)} of ${production.boards}`,
  };
}

function disagreement({ looks }: CanaryFigures, limits: CanaryLimits): Breach | null {
  const least = atLeast(looks.differing, looks.boards);
  if (looks.boards < limits.minBoards || least <= limits.disagreement) return null;
  return {
    rule: 'disagreement',
    words: `production calls ${looks.differing} of ${looks.boards} of its boards otherwise (at least ${percent(least)})`,
  };
}

/** The first rule that a canary breaks, or null. Two that did exactly the same never differ by a rule. */
export function judgeCanary(figures: CanaryFigures, limits: CanaryLimits): Breach | null {
  return errors(figures, limits) ?? latency(figures, limits) ?? disagreement(figures, limits) ?? calls(figures, limits);
}
