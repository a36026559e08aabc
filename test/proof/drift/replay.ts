import { Worker } from 'node:worker_threads';
import type { InputFeatures } from '../../../src/contracts/inference.ts';

/** A plant's boards in the order in which its stations look at them. Everything follows from the seed. */
export interface ReplayPlan {
  boards: number;
  stations: number;
  /** Pixels a side. */
  size: number;
  seed: number;
  products: number;
  /** Boards that come between two changes of product. */
  lot: number;
  /** Share of boards with one to three defects. */
  defective: number;
  /** Which station stretches its pictures from `drifts.from` on, and by which share of their height. */
  drifts: { station: number; from: number; stretch: number } | null;
}

export interface ReplayBoard {
  index: number;
  station: number;
  product: number;
  features: InputFeatures;
}

export const PLAN: ReplayPlan = {
  boards: 2000,
  stations: 4,
  size: 640,
  seed: 20251125,
  products: 3,
  lot: 100,
  defective: 0.2,
  drifts: { station: 2, from: 1000, stretch: 0.004 },
};

/** Draws the boards and measures their pictures with the platform's own code, in threads; from board `first` on. Boards by index. */
export async function takePictures(
  plan: ReplayPlan,
  threads: number,
  say: (done: number) => void = () => {},
  first = 0,
): Promise<ReplayBoard[]> {
  const found: ReplayBoard[] = [];
  await Promise.all(
    Array.from(
      { length: threads },
      (_, part) =>
        new Promise<void>((resolve, reject) => {
          const worker = new Worker(new URL('./pictures.worker.ts', import.meta.url), {
            workerData: { plan, part: first + part, parts: threads },
          });
          worker.on('message', (board: ReplayBoard) => {
            found.push(board);
            if (found.length % 100 === 0) say(found.length);
          });
          worker.once('error', reject);
          worker.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a thread left with ${code}`))));
        }),
    ),
  );
  return found.sort((one, other) => one.index - other.index);
}
