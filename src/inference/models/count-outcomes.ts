import type { Candidate } from '../../contracts/inference.ts';
import type { PolicyRules } from '../../contracts/masterdata.ts';
import { OUTCOMES, type Outcome, type Simulation } from '../../contracts/models.ts';
import { callsOf } from './agreement.ts';

/** How a board is judged, as disposition does it when a run is finished: handed in, so that there is one way to judge. */
export type Judge = (candidates: readonly Candidate[], rules: PolicyRules, thresholds: Readonly<Record<string, number>>) => Outcome;

/** A board with its deciding run. */
export interface PastBoard {
  candidates: Candidate[];
  /** Those that judged it. */
  thresholds: Record<string, number>;
  /** Those of the version itself: for classes that a recipe leaves out. */
  own: Record<string, number>;
  rules: PolicyRules;
  finishedAt: Date;
  /** What people said of calls of this run. */
  reviewed: readonly { state: 'confirmed' | 'rejected'; proposed: string; score: number }[];
}

const none = () => Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>;

type Counted = Pick<Simulation, 'judged' | 'oldest' | 'newest' | 'before' | 'after' | 'changes' | 'calls' | 'reviews'>;

/** Adds board to board; holds none of them. Pure but for what it has counted. */
export function counting(judge: Judge, named: Readonly<Record<string, number>>): { add(board: PastBoard): void; result(): Counted } {
  const [before, after] = [none(), none()];
  const changes = new Map<string, { from: Outcome; to: Outcome; boards: number }>();
  const calls = new Map<string, { class: string; before: number; after: number }>();
  const reviews = { false_calls: { reviewed: 0, avoided: 0 }, confirmed: { reviewed: 0, no_longer_called: 0, escapes: 0 } };
  let [judged, oldest, newest] = [0, Number.POSITIVE_INFINITY, 0];

  function tally(candidates: readonly Candidate[], thresholds: Record<string, number>, when: 'before' | 'after'): void {
    for (const { class: name } of callsOf(candidates, thresholds)) {
      const entry = calls.get(name) ?? { class: name, before: 0, after: 0 };
      entry[when] += 1;
      calls.set(name, entry);
    }
  }

  return {
    add({ candidates, thresholds, own, rules, finishedAt, reviewed }) {
      const wished = { ...own, ...named };
      const [from, to] = [judge(candidates, rules, thresholds), judge(candidates, rules, wished)];
      judged += 1;
      oldest = Math.min(oldest, finishedAt.getTime());
      newest = Math.max(newest, finishedAt.getTime());
      before[from] += 1;
      after[to] += 1;
      if (from !== to) {
        const change = changes.get(`${from} ${to}`) ?? { from, to, boards: 0 };
        change.boards += 1;
        changes.set(`${from} ${to}`, change);
      }
      tally(candidates, thresholds, 'before');
      tally(candidates, wished, 'after');
      for (const { state, proposed, score } of reviewed) {
        const called = score >= (wished[proposed] ?? 0);
        if (state === 'rejected') {
          reviews.false_calls.reviewed += 1;
          if (!called) reviews.false_calls.avoided += 1;
        } else {
          reviews.confirmed.reviewed += 1;
          if (!called) reviews.confirmed.no_longer_called += 1;
          if (!called && to === 'pass') reviews.confirmed.escapes += 1;
        }
      }
    },
    result: () => ({
      judged,
      oldest: judged === 0 ? null : new Date(oldest).toISOString(),
      newest: judged === 0 ? null : new Date(newest).toISOString(),
      before,
      after,
      changes: [...changes.values()],
      calls: [...calls.values()].sort((one, other) => (one.class < other.class ? -1 : 1)),
      reviews,
    }),
  };
}
