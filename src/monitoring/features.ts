import type { DriftFeature } from '../contracts/monitoring.ts';

/** What is known of one board when it has been looked at. */
export interface Seen {
  /** ISO time of the end of the run. */
  at: string;
  /** Hash of the golden template: what product it is. */
  reference: string;
  values: Readonly<Partial<Record<DriftFeature, number>>>;
}

export interface FeatureKind {
  /** Steps that are no news: pixels, shares or scores. */
  step: number;
  /** Another product has other values by nature, so a board is held against boards of its own. */
  byReference: boolean;
  /** Watched by CUSUM; the others by their distribution alone. */
  cusum: boolean;
  /** Fixed bins; otherwise tenths of the baseline. */
  edges?: readonly number[];
}

export const KINDS: Record<DriftFeature, FeatureKind> = {
  copper_fraction: { step: 0.001, byReference: true, cusum: true },
  shift: { step: 0.25, byReference: false, cusum: true },
  residual: { step: 0.0005, byReference: true, cusum: true },
  stretch: { step: 0.05, byReference: true, cusum: true },
  stretch_across: { step: 0.05, byReference: true, cusum: true },
  stretch_down: { step: 0.05, byReference: true, cusum: true },
  sharpness: { step: 0.005, byReference: true, cusum: true },
  best_score: { step: 0.01, byReference: false, cusum: false, edges: [0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95] },
  calls: { step: 1, byReference: false, cusum: false, edges: [0, 1, 2, 4, 8] },
};
export const FEATURES = Object.keys(KINDS) as DriftFeature[];

const numeric = (value: unknown): number | undefined => (typeof value === 'number' && Number.isFinite(value) ? value : undefined);

/**
 * The features of a run as it was kept; what is missing or no number is left out. `shift` is the length of the shift, `stretch_*`
 * have a sign: a camera that runs a little too slow moves their middle, while in `stretch` it hides behind what stretches either way by nature.
 */
export function valuesOf(features: unknown, outputs: { bestScore: number; calls: number }): Seen['values'] {
  const given = (typeof features === 'object' && features !== null ? features : {}) as Record<string, unknown>;
  const shift = (typeof given.shift === 'object' && given.shift !== null ? given.shift : {}) as Record<string, unknown>;
  const longer = (typeof given.lengthened === 'object' && given.lengthened !== null ? given.lengthened : {}) as Record<string, unknown>;
  const [across, down] = [numeric(longer.x), numeric(longer.y)];
  const [dx, dy] = [numeric(shift.dx), numeric(shift.dy)];
  const found: Partial<Record<DriftFeature, number>> = { best_score: outputs.bestScore, calls: outputs.calls };
  for (const name of ['copper_fraction', 'residual', 'stretch', 'sharpness'] as const) {
    const value = numeric(given[name]);
    if (value !== undefined) found[name] = value;
  }
  if (dx !== undefined && dy !== undefined) found.shift = Math.hypot(dx, dy);
  if (across !== undefined) found.stretch_across = across;
  if (down !== undefined) found.stretch_down = down;
  return found;
}
