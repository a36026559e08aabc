import type { Duration, ModelStatistics } from '../../contracts/open-inference.ts';
import { keyOf, type ModelKey } from '../runtime/runtime.ts';

const MS = 1e6;

/** What one request came to, in milliseconds. */
export interface Outcome {
  good: boolean;
  /** From the arrival of its body to its answer. */
  totalMs: number;
  inputMs: number;
  outputMs: number;
  /** Of every board that ran. */
  boards: readonly { waitedMs: number; ranMs: number }[];
}

/** Runs over the protocol by model and version, since this process began. */
export interface Statistics {
  add(key: ModelKey, outcome: Outcome): void;
  of(key: ModelKey): ModelStatistics;
}

interface Sum {
  count: number;
  ms: number;
}
const sum = (): Sum => ({ count: 0, ms: 0 });
const add = (to: Sum, ms: number, count = 1) => {
  to.count += count;
  to.ms += ms;
};
const shown = ({ count, ms }: Sum): Duration => ({ count, ns: Math.round(ms * MS) });

export function countStatistics(): Statistics {
  const fresh = () => ({ last: 0, success: sum(), fail: sum(), queue: sum(), input: sum(), infer: sum(), output: sum() });
  const known = new Map<string, ReturnType<typeof fresh>>();
  return {
    add(key, { good, totalMs, inputMs, outputMs, boards }) {
      const name = keyOf(key.model, key.version);
      const counts = known.get(name) ?? fresh();
      known.set(name, counts);
      counts.last = Date.now();
      add(good ? counts.success : counts.fail, totalMs);
      if (!good) return;
      add(counts.input, inputMs);
      add(counts.output, outputMs);
      for (const { waitedMs, ranMs } of boards) {
        add(counts.queue, waitedMs);
        add(counts.infer, ranMs);
      }
    },
    of({ model, version }) {
      const { last, success, fail, queue, input, infer, output } = known.get(keyOf(model, version)) ?? fresh();
      const compute = { compute_input: shown(input), compute_infer: shown(infer), compute_output: shown(output) };
      return {
        name: model,
        version: String(version),
        last_inference: last,
        inference_count: infer.count,
        execution_count: infer.count,
        inference_stats: { success: shown(success), fail: shown(fail), queue: shown(queue), ...compute },
        // Boards run one at a time whatever the batch.
        batch_stats: infer.count === 0 ? [] : [{ batch_size: 1, ...compute }],
      };
    },
  };
}
