import { cusumStep, signalOf } from '../../../src/monitoring/cusum.ts';
import { valuesOf } from '../../../src/monitoring/features.ts';
import { normalScore } from '../../../src/monitoring/scores.ts';
import { newWatch, TERMS, watchBoard } from '../../../src/monitoring/watch.ts';
import { Random } from '../../../src/simulator/boards/random.ts';
import type { ReplayBoard, ReplayPlan } from './replay.ts';

/** Boards after which a run is broken off: what is longer counts as this, so that a mean is a lower bound. */
const MOST = 200_000;
/** Of the platform. */
const BASELINE = 200;

export interface Lengths {
  runs: number;
  /** Lower bound when some were broken off. */
  mean: number;
  median: number;
  tenth: number;
  broken_off: number;
}

function told(lengths: number[], most: number): Lengths {
  const sorted = [...lengths].sort((one, other) => one - other);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  const mean = Math.round(sorted.reduce((sum, each) => sum + each, 0) / sorted.length);
  return { runs: sorted.length, mean, median: at(0.5), tenth: at(0.1), broken_off: sorted.filter((each) => each >= most).length };
}

/** Boards until a false alarm of one feature, each run with a baseline of its own of so many normal values. */
export function falseAlarmLengths(
  runs: number,
  { baseline = BASELINE, most = MOST, terms = TERMS } = {},
): Lengths & { shift_of_a_sigma: number } {
  const lengths: number[] = [];
  const delays: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const random = new Random(run + 1);
    const sorted = Array.from({ length: baseline }, () => random.normal()).sort((one, other) => one - other);
    const lengthOf = (shift: number) => {
      let cusum = { up: 0, down: 0 };
      for (let board = 1; board < most; board += 1) {
        cusum = cusumStep(cusum, normalScore(sorted, random.normal() + shift), terms);
        if (signalOf(cusum, terms)) return board;
      }
      return most;
    };
    lengths.push(lengthOf(0));
    delays.push(lengthOf(1));
  }
  return { ...told(lengths, most), shift_of_a_sigma: told(delays, most).median };
}

/**
 * The whole watch of a station on figures drawn again and again from those of the replay: boards to a false alarm of any feature on boards from before the
 * drift, and boards of the station until the drift is named.
 */
export function resampled(rows: readonly ReplayBoard[], plan: ReplayPlan, runs: number, most = 20_000) {
  const { drifts } = plan;
  const quiet = rows.filter(({ station, index }) => !drifts || station !== drifts.station || index < drifts.from);
  const drifting = rows.filter((row) => !quiet.includes(row));
  const byProduct = (from: readonly ReplayBoard[]) =>
    Array.from({ length: plan.products }, (_, product) => from.filter((row) => row.product === product));
  const [calm, moved] = [byProduct(quiet), byProduct(drifting)];
  const lotOfStation = Math.max(1, Math.floor(plan.lot / plan.stations));
  const [lengths, delays] = [[] as number[], [] as number[]];
  for (let run = 0; run < runs; run += 1) {
    const random = new Random(1000 + run);
    const watch = newWatch();
    const board = (count: number, from: readonly (readonly ReplayBoard[])[]) => {
      const product = Math.floor(count / lotOfStation) % plan.products;
      const { features } = random.pick(from[product] as ReplayBoard[]);
      const seen = { at: '2025-11-25T00:00:00Z', reference: String(product), values: valuesOf(features, { bestScore: 0, calls: 0 }) };
      return watchBoard(watch, seen, BASELINE).length > 0;
    };
    let count = 0;
    while (count < BASELINE) board(count++, calm);
    const kept = structuredClone(watch);
    let delay = 1;
    while (drifting.length > 0 && !board(count + delay, moved) && delay < most) delay += 1;
    delays.push(delay);
    Object.assign(watch, kept);
    while (!board(count, calm) && count - BASELINE < most) count += 1;
    lengths.push(count - BASELINE);
  }
  return { to_false_alarm: told(lengths, most), to_true_alarm: drifting.length > 0 ? told(delays, most) : null };
}
