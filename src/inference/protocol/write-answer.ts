import { invalid, ProblemError } from '../../platform/problem.ts';
import type { ModelKey, Tensors } from '../runtime/runtime.ts';
import { headOf, rawOf } from './binary-tensors.ts';
import { CELL, MOST_JSON_NUMBERS, numbersOf } from './board-contract.ts';
import type { Call } from './read-call.ts';

export interface WrittenAnswer {
  body: Buffer;
  /** Bytes of the JSON when raw bytes follow it. */
  headLength: number | null;
}

/** Before anything runs: an answer that would be too much JSON is told so. @throws ProblemError validation_error */
export function judgeJsonSize({ boards: { dims }, outputs }: Pick<Call, 'boards' | 'outputs'>, classes: number): void {
  const [batch = 0, , height = 0, width = 0] = dims;
  const cells = (batch * height * width) / CELL ** 2;
  const numbers = outputs.reduce((sum, { name, binary }) => sum + (binary ? 0 : cells * numbersOf(name, classes)), 0);
  if (numbers > MOST_JSON_NUMBERS)
    throw invalid(
      'parameters -> binary_data_output',
      `the answer has ${numbers} numbers: more than ${MOST_JSON_NUMBERS} are given as raw bytes only`,
      'maximum',
    );
}

/**
 * The answer in the order in which the outputs were asked for. Raw bytes follow the JSON in the same order.
 * @throws ProblemError run_failed when the model answered what JSON has no number for
 */
export function writeAnswer({ model, version }: ModelKey, { id, outputs }: Pick<Call, 'id' | 'outputs'>, tensors: Tensors): WrittenAnswer {
  const raws: Uint8Array[] = [];
  const written = outputs.map(({ name, binary }) => {
    const tensor = tensors[name];
    if (!tensor) throw new ProblemError('run_failed', { detail: `The model gave no ${name}` });
    if (binary) {
      raws.push(rawOf(tensor));
      return { ...headOf(name, tensor), parameters: { binary_data_size: tensor.data.byteLength } };
    }
    if (!tensor.data.every(Number.isFinite))
      throw new ProblemError('run_failed', { detail: `The model answered ${name} with what is no number; raw bytes would show it` });
    return { ...headOf(name, tensor), data: [...tensor.data] };
  });
  const head = Buffer.from(
    JSON.stringify({ ...(id === null ? {} : { id }), model_name: model, model_version: String(version), outputs: written }),
  );
  return raws.length === 0 ? { body: head, headLength: null } : { body: Buffer.concat([head, ...raws]), headLength: head.byteLength };
}
