import type { DriftFeature } from '../contracts/monitoring.ts';
import { FEATURES, KINDS, type Seen } from './features.ts';
import { histogram, quantileEdges } from './psi.ts';
import { median, spread } from './scores.ts';

/** Boards of a product that say what is normal for it. */
export const REFERENCE_BOARDS = 20;
/** A feature with fewer boards in the baseline is not judged. */
const LEAST = 50;
/** Steps of a standardised value that are no news: a quarter of a sigma. */
const SCORE_STEP = 0.25;

/** Boards of a product after which what is normal for it is settled. */
const SETTLED = 200;
/** How far from the middle a board counts as more than this far, in sigmas: one wild picture moves nothing. */
const WILD = 3;

/** Middle and spread of a feature over `n` boards, as running sums (B. P. Welford 1962): `m2` is the sum of squares around the mean. */
interface Moments {
  n: number;
  mean: number;
  m2: number;
}

/** What is normal for a product at a station, for each feature that is the product's own. */
export type Normal = Partial<Record<DriftFeature, Moments>>;

const spreadOf = ({ n, m2 }: Moments, name: DriftFeature): number => Math.max(Math.sqrt(m2 / Math.max(1, n - 1)), KINDS[name].step);

function added({ n, mean, m2 }: Moments, value: number): Moments {
  const next = mean + (value - mean) / (n + 1);
  return { n: n + 1, mean: next, m2: m2 + (value - mean) * (value - next) };
}

const within = (value: number, middle: number, reach: number): number => Math.max(middle - reach, Math.min(middle + reach, value));

/**
 * One more board of a product that is not settled yet: some tens of boards know its middle to a sixth of a sigma, and a sum over hundreds of boards
 * would run away with that. A feature whose sums are on their way to the limit learns nothing: that may be the drift.
 */
export function refine(normal: Normal, seen: Seen, name: DriftFeature): void {
  const [of, value] = [normal[name], seen.values[name]];
  if (of === undefined || value === undefined || of.n >= SETTLED) return;
  normal[name] = added(of, within(value, of.mean, WILD * spreadOf(of, name)));
}

export interface FeatureBaseline {
  n: number;
  /** Of the values as they are measured. */
  mean: number;
  sigma: number;
  /** Standardised by product where the feature is the product's own; ascending. */
  sorted: number[];
  edges: number[];
  bins: number[];
}

/** What a station's boards are held against; it does not change until it is learnt anew. */
export interface Baseline {
  n: number;
  from: string;
  to: string;
  features: Partial<Record<DriftFeature, FeatureBaseline>>;
  normals: Record<string, Normal>;
  /** Boards a product. */
  mix: Record<string, number>;
}

const stepped = (value: number, step: number): number => Math.round(value / step) * step;

/** Of boards of one product. */
export function normalOf(boards: readonly Seen[]): Normal {
  const found: Normal = {};
  for (const name of FEATURES) {
    const values = boards.flatMap(({ values: of }) => of[name] ?? []);
    if (!KINDS[name].byReference || values.length === 0) continue;
    const middle = median(values);
    const reach = WILD * Math.max(spread(values, middle), KINDS[name].step);
    found[name] = values.reduce((sum, value) => added(sum, within(value, middle, reach)), { n: 0, mean: 0, m2: 0 });
  }
  return found;
}

/** The value as it is ranked and binned: in sigmas of its product where it is the product's own. Undefined where that product is not known yet. */
export function standardised(name: DriftFeature, seen: Seen, normal: Normal | undefined): number | undefined {
  const value = seen.values[name];
  if (value === undefined) return undefined;
  if (!KINDS[name].byReference) return stepped(value, KINDS[name].step);
  const of = normal?.[name];
  return of === undefined ? undefined : stepped((value - of.mean) / spreadOf(of, name), SCORE_STEP);
}

/** Boards that were judged normal become the baseline. A product with too few boards in it is learnt afterwards. */
export function makeBaseline(boards: readonly Seen[]): Baseline {
  const normals: Record<string, Normal> = {};
  const mix: Record<string, number> = {};
  for (const { reference } of boards) mix[reference] = (mix[reference] ?? 0) + 1;
  for (const [reference, count] of Object.entries(mix))
    if (count >= REFERENCE_BOARDS) normals[reference] = normalOf(boards.filter((board) => board.reference === reference));
  const features: Baseline['features'] = {};
  for (const name of FEATURES) {
    const raw = boards.flatMap(({ values }) => values[name] ?? []);
    const sorted = boards.flatMap((board) => standardised(name, board, normals[board.reference]) ?? []).sort((one, other) => one - other);
    if (sorted.length < LEAST) continue;
    const mean = raw.reduce((sum, value) => sum + value, 0) / raw.length;
    const sigma = Math.sqrt(raw.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (raw.length - 1));
    const edges = [...(KINDS[name].edges ?? quantileEdges(sorted))];
    features[name] = { n: sorted.length, mean, sigma, sorted, edges, bins: histogram(edges, sorted) };
  }
  return { n: boards.length, from: boards[0]?.at ?? '', to: boards.at(-1)?.at ?? '', features, normals, mix };
}
