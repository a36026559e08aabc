import type { DriftFeature } from '../contracts/monitoring.ts';
import { type Baseline, makeBaseline, type Normal, normalOf, REFERENCE_BOARDS, refine, standardised } from './baseline.ts';
import { type Cusum, type CusumTerms, cusumStep, signalOf } from './cusum.ts';
import { type FalseCalls, newFalseCalls } from './false-calls.ts';
import { FEATURES, KINDS, type Seen } from './features.ts';
import { binOf, psi, psiLimit } from './psi.ts';
import { normalScore } from './scores.ts';

/**
 * Half a sigma of allowance: made for shifts from one sigma on. The limit is one for a false alarm in more than 120,000 boards a feature, the baseline
 * being learnt from 200 (`test/proof/drift.ts --arl`).
 */
export const TERMS: CusumTerms = { k: 0.5, h: 12 };
/** Boards of half a window: the current window is the running half and the one before. */
const HALF = 100;
/** Products learnt beside those of the baseline. */
const MOST_REFERENCES = 64;
/**
 * From here on the mix of products is another one: what a model answers then differs by the products, not by the station. With many products chance alone
 * passes 0.1 in every window; of mixes that are the same, one in a hundred is taken for another and its window is not judged.
 */
const OTHER_MIX = { large: 0.1, chance: 0.01 };

/** Boards of a span of time, counted by bins. */
export interface Window {
  n: number;
  from: string | null;
  to: string | null;
  sums: Partial<Record<DriftFeature, { n: number; sum: number }>>;
  bins: Partial<Record<DriftFeature, number[]>>;
  mix: Record<string, number>;
}

/** Where the detectors of one station and one model version stand. Plain data: it is kept as JSON. */
export interface Watch {
  baseline: Baseline | null;
  state: {
    /** Boards while the baseline is learnt. */
    learning: Seen[];
    /** Boards since the baseline was begun. */
    boards: number;
    cusum: Partial<Record<DriftFeature, Cusum>>;
    running: Window;
    before: Window;
    /** What is normal for each product, or the boards that will say so. */
    normals: Record<string, Normal>;
    fresh: Record<string, Seen[]>;
    falseCalls: FalseCalls;
  };
}

export interface Finding {
  detector: 'cusum' | 'psi';
  feature: DriftFeature;
  direction: 'up' | 'down' | null;
  value: number;
  limit: number;
}

const emptyWindow = (): Window => ({ n: 0, from: null, to: null, sums: {}, bins: {}, mix: {} });

export const newWatch = (): Watch => ({
  baseline: null,
  state: {
    learning: [],
    boards: 0,
    cusum: {},
    running: emptyWindow(),
    before: emptyWindow(),
    normals: {},
    fresh: {},
    falseCalls: newFalseCalls(),
  },
});

/**
 * Makes room among the products: the one goes of which the current windows hold the fewest boards, as a rule none. Never the one just seen. The order of
 * the keys says nothing: jsonb sorts them.
 */
function forget(of: Record<string, unknown>, { running, before }: Watch['state'], keep: (reference: string) => boolean): void {
  const others = Object.keys(of).filter((reference) => !keep(reference));
  if (others.length < MOST_REFERENCES) return;
  const boards = (reference: string) => (running.mix[reference] ?? 0) + (before.mix[reference] ?? 0);
  delete of[others.reduce((least, each) => (boards(each) < boards(least) ? each : least))];
}

/** What is normal for the board's product; a product that is new is learnt from its first boards, which are not judged by what is its own. */
function normalFor(state: Watch['state'], seen: Seen, baseline: Baseline): Normal | undefined {
  const known = state.normals[seen.reference];
  if (known) return known;
  const boards = [...(state.fresh[seen.reference] ?? []), seen];
  state.fresh[seen.reference] = boards;
  forget(state.fresh, state, (reference) => reference === seen.reference);
  if (boards.length >= REFERENCE_BOARDS) {
    delete state.fresh[seen.reference];
    state.normals[seen.reference] = normalOf(boards);
    forget(state.normals, state, (reference) => reference === seen.reference || reference in baseline.normals);
  }
  return undefined;
}

function count(window: Window, seen: Seen, scores: Partial<Record<DriftFeature, number>>, baseline: Baseline): void {
  window.n += 1;
  window.from ??= seen.at;
  window.to = seen.at;
  window.mix[seen.reference] = (window.mix[seen.reference] ?? 0) + 1;
  for (const name of FEATURES) {
    const value = seen.values[name];
    if (value !== undefined) {
      const { n, sum } = window.sums[name] ?? { n: 0, sum: 0 };
      window.sums[name] = { n: n + 1, sum: sum + value };
    }
    const [of, score] = [baseline.features[name], scores[name]];
    if (of === undefined || score === undefined) continue;
    const bins = window.bins[name] ?? new Array<number>(of.edges.length + 1).fill(0);
    bins[binOf(of.edges, score)]! += 1;
    window.bins[name] = bins;
  }
}

/** The current window: both halves. */
export function currentOf({ running, before }: Watch['state']): Window {
  const both = emptyWindow();
  for (const half of [before, running]) {
    both.n += half.n;
    both.from ??= half.from;
    both.to = half.to ?? both.to;
    for (const [reference, n] of Object.entries(half.mix)) both.mix[reference] = (both.mix[reference] ?? 0) + n;
    for (const name of FEATURES) {
      const [sums, bins] = [half.sums[name], half.bins[name]];
      const had = both.sums[name] ?? { n: 0, sum: 0 };
      if (sums) both.sums[name] = { n: had.n + sums.n, sum: had.sum + sums.sum };
      if (bins) both.bins[name] = bins.map((each, bin) => each + (both.bins[name]?.[bin] ?? 0));
    }
  }
  return both;
}

const sizeOf = (bins: readonly number[]): number => bins.reduce((sum, each) => sum + each, 0);

/** The index of a feature's current window, and from where on it would be an alarm; null where there is nothing to compare. */
export function indexOf({ baseline }: Watch, current: Window, name: DriftFeature): { value: number; limit: number } | null {
  const [of, bins] = [baseline?.features[name], current.bins[name]];
  if (!of || !bins) return null;
  return { value: psi(of.bins, bins), limit: psiLimit(bins.length, of.n, sizeOf(bins)) };
}

/** How far the shares of the products are from those of the baseline, and from where on it is another mix; null where there is nothing to compare. */
export function mixOf({ baseline, state }: Watch, current: Window = currentOf(state)): { value: number; limit: number } | null {
  if (!baseline || current.n === 0) return null;
  const known = Object.keys(baseline.mix);
  const others = Object.entries(current.mix).reduce((sum, [reference, n]) => sum + (known.includes(reference) ? 0 : n), 0);
  const now = known.map((reference) => current.mix[reference] ?? 0);
  return {
    value: psi([...Object.values(baseline.mix), 0], [...now, others]),
    limit: psiLimit(known.length + 1, baseline.n, current.n, OTHER_MIX),
  };
}

/**
 * The windows' word, once a half is full: of outputs alone. What is standardised by product keeps an error of that in every board of the product, which
 * an index over peaked values takes for a change; CUSUM, whose allowance covers it, watches these.
 */
function judgeWindows(watch: Watch): Finding[] {
  const { state, baseline } = watch;
  if (!baseline || state.running.n < HALF) return [];
  const current = currentOf(state);
  const full = state.before.n > 0;
  state.before = state.running;
  state.running = emptyWindow();
  if (!full) return [];
  const mix = mixOf(watch, current);
  const same = mix !== null && mix.value < mix.limit;
  return FEATURES.flatMap((feature): Finding[] => {
    const index = indexOf(watch, current, feature);
    if (KINDS[feature].cusum || !same || !index || index.value < index.limit) return [];
    return [{ detector: 'psi', feature, direction: null, ...index }];
  });
}

/**
 * One more board of a station. `watch` is changed in place; the answer is what crossed its limit with this board, again with every board while it is
 * beyond. The first `size` boards are the baseline.
 */
export function watchBoard(watch: Watch, seen: Seen, size: number, terms: CusumTerms = TERMS): Finding[] {
  const { state } = watch;
  state.boards += 1;
  if (watch.baseline === null) {
    state.learning.push(seen);
    if (state.learning.length >= size) {
      watch.baseline = makeBaseline(state.learning);
      state.normals = structuredClone(watch.baseline.normals);
      state.learning = [];
    }
    return [];
  }
  const { baseline } = watch;
  const normal = normalFor(state, seen, baseline);
  const scores: Partial<Record<DriftFeature, number>> = {};
  const findings: Finding[] = [];
  for (const feature of FEATURES) {
    const [of, score] = [baseline.features[feature], standardised(feature, seen, normal)];
    if (of === undefined || score === undefined) continue;
    scores[feature] = score;
    if (!KINDS[feature].cusum) continue;
    const now = cusumStep(state.cusum[feature] ?? { up: 0, down: 0 }, normalScore(of.sorted, score), terms);
    state.cusum[feature] = now;
    if (normal && Math.max(now.up, now.down) < terms.h / 2) refine(normal, seen, feature);
    const direction = signalOf(now, terms);
    if (direction) findings.push({ detector: 'cusum', feature, direction, value: now[direction], limit: terms.h });
  }
  count(state.running, seen, scores, baseline);
  return [...findings, ...judgeWindows(watch)];
}

/** The station was mended: what gave this alarm begins again against the same baseline; the other features go on. */
export function forgive({ state }: Watch, { detector, feature }: { detector: string; feature: DriftFeature | null }): void {
  if (detector === 'false_calls') Object.assign(state.falseCalls, { sum: 0, since: { n: 0, bad: 0 } });
  if (feature === null) return;
  delete state.cusum[feature];
  for (const half of [state.running, state.before]) {
    delete half.bins[feature];
    delete half.sums[feature];
  }
}
