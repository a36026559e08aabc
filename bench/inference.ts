import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { tensorOf, tilesOf } from '../src/inference/board.ts';
import { inspectBoard, makeTemplate } from '../src/simulator/boards/board.ts';
import { encodePng } from '../src/simulator/boards/png.ts';
import { type Looker, openLooker } from '../tools/evaluation/looker.ts';

export interface InferenceSize {
  /** Runs that each percentile is of. */
  runs: number;
  /** Pairs of each figure of throughput. */
  pairs: number;
}
interface Spread {
  p50: number;
  p95: number;
}
interface Throughput {
  threads: number;
  pairs_s: number;
  /** Processor time of the whole process, all its threads, in milliseconds. Others on the machine change it little. */
  cpu_ms_per_pair: number;
  /** Longest time between two turns of a timer of 1 ms in the main thread. */
  loop_gap_ms: number;
}
export interface InferenceResult {
  cores: number;
  model_ms: Spread;
  /** Decoding of two PNG, alignment, model, boxes; handing to and from the thread included. */
  whole_ms: Spread;
  decode_and_align_ms: Spread;
  throughput: Throughput[];
  /** The same timer while nothing of ours runs: what of the gap the machine's other users make. */
  idle_loop_gap_ms: number;
  /** Cores that make 62 pairs a second, the figure of the data set's paper on a GPU, by processor time of one thread. */
  cores_for_62_s: number;
}

const MODELS = fileURLToPath(new URL('../models', import.meta.url));

function spreadOf(millis: readonly number[]): Spread {
  const sorted = [...millis].sort((one, other) => one - other);
  const at = (share: number) => Number((sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(2));
  return { p50: at(0.5), p95: at(0.95) };
}

/** The longest pause of the event loop while something runs. */
async function longestGap(work: () => Promise<void>): Promise<number> {
  let [last, longest] = [performance.now(), 0];
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, 1);
  await work().finally(() => clearInterval(timer));
  return Number(longest.toFixed(1));
}

const boards = Array.from({ length: 4 }, (_, index) => () => {
  const template = makeTemplate(4100 + index);
  const { picture } = inspectBoard(template, { seed: 7 + index, defects: index % 2 === 0 ? 3 : 0 });
  return { reference: new Uint8Array(encodePng(template.golden)), image: new Uint8Array(encodePng(picture)) };
});

async function throughputOf(
  threads: number,
  pairs: number,
  pictures: readonly { image: Uint8Array; reference: Uint8Array }[],
): Promise<Throughput> {
  const looker = await openLooker(MODELS, threads);
  const lookAt = async (index: number) => {
    const { image, reference } = pictures[index % pictures.length] as { image: Uint8Array; reference: Uint8Array };
    await looker.look(image, reference);
  };
  for (let index = 0; index < 4 * threads; index += 1) await lookAt(index);
  const before = process.cpuUsage();
  const began = performance.now();
  let next = 0;
  // One pair more in hand than threads, as the platform has queued jobs: a thread never waits for the main one.
  const gap = await longestGap(async () => {
    await Promise.all(
      Array.from({ length: threads + 1 }, async () => {
        while (next < pairs) await lookAt(next++);
      }),
    );
  });
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(before);
  await looker.close();
  return {
    threads,
    pairs_s: Number((pairs / seconds).toFixed(1)),
    cpu_ms_per_pair: Number(((user + system) / 1000 / pairs).toFixed(2)),
    loop_gap_ms: gap,
  };
}

async function latencies(looker: Looker, runs: number, pictures: readonly { image: Uint8Array; reference: Uint8Array }[]) {
  const { manifest, runtime, threads } = looker;
  const [first] = pictures as [{ image: Uint8Array; reference: Uint8Array }];
  const done = await threads.perform({ kind: 'pair', image: first.image.slice(), reference: first.reference.slice() });
  if (done.kind !== 'pair') throw new Error(`decoding answered ${done.kind}`);
  const [tile] = tilesOf(done.pair.inspected.width, done.pair.inspected.height);
  const model: number[] = [];
  const whole: number[] = [];
  const decode: number[] = [];
  for (let index = -10; index < runs; index += 1) {
    const { image, reference } = pictures[(index + 10) % pictures.length] as { image: Uint8Array; reference: Uint8Array };
    const tensors = { pair: tensorOf(done.pair, tile!) };
    const began = performance.now();
    await runtime.infer({ model: manifest.name, version: manifest.version, tensors });
    const between = performance.now();
    const { timingsMs } = await looker.look(image, reference);
    const ended = performance.now();
    if (index < 0) continue;
    model.push(between - began);
    whole.push(ended - between);
    decode.push(timingsMs.decode ?? 0);
  }
  return { model_ms: spreadOf(model), whole_ms: spreadOf(whole), decode_and_align_ms: spreadOf(decode) };
}

/** Pairs of 640 x 640 in ONNX Runtime on threads of this process: latency on one thread, throughput and event loop gap on one and two. */
export async function measureInference({ runs, pairs }: InferenceSize): Promise<InferenceResult> {
  const pictures = boards.map((draw) => draw());
  const looker = await openLooker(MODELS, 1);
  const spreads = await latencies(looker, runs, pictures).finally(() => looker.close());
  const throughput = [await throughputOf(1, pairs, pictures), await throughputOf(2, pairs, pictures)];
  const idle = await longestGap(() => new Promise((resolve) => setTimeout(resolve, 2000)));
  const alone = throughput[0]?.cpu_ms_per_pair ?? Number.NaN;
  return {
    cores: availableParallelism(),
    ...spreads,
    throughput,
    idle_loop_gap_ms: idle,
    cores_for_62_s: Number(((62 * alone) / 1000).toFixed(2)),
  };
}

export function inferenceLines(result: InferenceResult): string[] {
  const { model_ms, whole_ms, decode_and_align_ms, throughput, idle_loop_gap_ms, cores_for_62_s, cores } = result;
  const spread = ({ p50, p95 }: Spread) => `P50 ${p50.toFixed(1)} ms, P95 ${p95.toFixed(1)} ms`;
  return [
    `a pair of 640 x 640 on one thread: model ${spread(model_ms)}; decode, align, model and boxes ${spread(whole_ms)} (of these decode and align ${spread(decode_and_align_ms)})`,
    ...throughput.map(
      ({ threads, pairs_s, cpu_ms_per_pair, loop_gap_ms }) =>
        `${threads} ${threads === 1 ? 'thread' : 'threads'}: ${pairs_s} pairs/s, ${cpu_ms_per_pair} ms of processor a pair, longest gap of the event loop ${loop_gap_ms} ms`,
    ),
    `longest gap while nothing of ours runs: ${idle_loop_gap_ms} ms; this machine has ${cores} cores`,
    `62 pairs/s (the data set's paper, on a GPU) take ${cores_for_62_s} cores by processor time`,
  ];
}
