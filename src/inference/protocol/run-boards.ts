import { type ModelKey, type ModelRuntime, RunFailed, type Tensor, type Tensors } from '../runtime/runtime.ts';
import type { OutputName } from './board-contract.ts';

export interface BoardsRun extends ModelKey {
  boards: Tensor;
  outputs: readonly OutputName[];
  signal: AbortSignal;
  /** As `ModelRuntime` has it: the higher goes first. */
  priority: number;
  /** Told of every board: milliseconds that it waited for a thread and that it ran. */
  ran: (waitedMs: number, ranMs: number) => void;
}

function boardAt({ dims, data }: Tensor, at: number): Tensor {
  const [, ...rest] = dims;
  const size = rest.reduce((product, side) => product * side, 1);
  // The runtime takes the memory of what it is given: a batch is copied board by board, a single board is handed over as it is.
  return { type: 'uint8', dims: [1, ...rest], data: dims[0] === 1 ? data : (data as Uint8Array).slice(at * size, (at + 1) * size) };
}

function gather(answers: readonly Tensor[]): Tensor {
  const [first] = answers as [Tensor, ...Tensor[]];
  if (answers.length === 1) return first;
  const [, ...rest] = first.dims;
  const data = new Float32Array(first.data.length * answers.length);
  for (const [at, { data: part }] of answers.entries()) data.set(part, at * first.data.length);
  return { type: 'float32', dims: [answers.length, ...rest], data };
}

/**
 * Runs the boards of a batch one after the other: on a processor a batch is no faster than its boards, it needs their memory all at once, and it would hold
 * a thread against runs that judge. @throws RuntimeAway; RunFailed
 */
export async function runBoards(runtime: ModelRuntime, run: BoardsRun): Promise<Tensors> {
  const { model, version, boards, outputs, signal, priority, ran } = run;
  const answers: Tensors[] = [];
  for (let at = 0; at < (boards.dims[0] ?? 0); at += 1) {
    const asked = performance.now();
    let began = asked;
    const begun = () => {
      began = performance.now();
    };
    const answer = await runtime.infer({ model, version, tensors: { pair: boardAt(boards, at) }, signal, priority, begun });
    ran(began - asked, performance.now() - began);
    answers.push(answer);
  }
  return Object.fromEntries(
    outputs.map((name) => {
      const parts = answers.map((answer) => {
        const part = answer[name];
        if (part?.type !== 'float32') throw new RunFailed(`the model gave no ${name} of float32`);
        return part;
      });
      return [name, gather(parts)];
    }),
  );
}
