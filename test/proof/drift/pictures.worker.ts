/** One thread of the replay: every `parts`-th board, drawn, made a PNG, and measured as inference measures it. */
import { parentPort, workerData } from 'node:worker_threads';
import { readPair } from '../../../src/inference/threads/picture.ts';
import { inspectBoard, makeTemplate } from '../../../src/simulator/boards/board.ts';
import { drawImaging } from '../../../src/simulator/boards/imaging.ts';
import { encodePng } from '../../../src/simulator/boards/png.ts';
import { Random } from '../../../src/simulator/boards/random.ts';
import type { ReplayBoard, ReplayPlan } from './replay.ts';

const { plan, part, parts } = workerData as { plan: ReplayPlan; part: number; parts: number };
const products = Array.from({ length: plan.products }, (_, product) => {
  const template = makeTemplate(plan.seed * 10 + product, plan.size);
  return { template, golden: encodePng(template.golden) };
});

for (let index = part; index < plan.boards; index += parts) {
  const random = new Random(plan.seed * 100_000 + index);
  const station = index % plan.stations;
  const product = Math.floor(index / plan.lot) % plan.products;
  const { template, golden } = products[product] as (typeof products)[number];
  const drawn = drawImaging(random.fork(1));
  const drifting = plan.drifts !== null && station === plan.drifts.station && index >= plan.drifts.from;
  // A point of the board appears at its place / (1 + stretch), so a picture that is longer has a negative one.
  const imaging = drifting && plan.drifts ? { ...drawn, stretchY: drawn.stretchY - plan.drifts.stretch } : drawn;
  const defects = random.chance(plan.defective) ? random.int(1, 3) : 0;
  const { picture } = inspectBoard(template, { seed: random.int(1, 2 ** 31), defects, imaging });
  const { features } = await readPair(new Uint8Array(encodePng(picture)), new Uint8Array(golden));
  parentPort?.postMessage({ index, station, product, features } satisfies ReplayBoard);
}
