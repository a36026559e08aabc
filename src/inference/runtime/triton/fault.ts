/**
 * What went wrong with a call, as far as the answer tells:
 * - `unreachable` no connection, or it broke; whether the run was taken is not known, and it does not matter: a run changes nothing
 * - `late` no answer in time
 * - `full` the server's own queue is full
 * - `unloaded` the server does not hold this model or version
 * - `stub` the process that runs the model inside the server is dead; the server goes on saying that it is ready and never starts another
 * - `input` the model does not take this input
 * - `model` an error inside the model
 * - `answer` not what was asked for: other bytes than the shape says, other tensors, another request's id
 * - `given_up` the caller did
 */
export type FaultKind = 'unreachable' | 'late' | 'full' | 'unloaded' | 'stub' | 'input' | 'model' | 'answer' | 'given_up';
export const FAULT_KINDS: readonly FaultKind[] = ['unreachable', 'late', 'full', 'unloaded', 'stub', 'input', 'model', 'answer'];

export class TritonFault extends Error {
  override readonly name = 'TritonFault';
  readonly kind: FaultKind;
  constructor(kind: FaultKind, message: string) {
    super(message.slice(0, 500));
    this.kind = kind;
  }
}

/** Words of the server that say more than its code. */
export function kindOfWords(words: string): FaultKind | null {
  if (/stub process/i.test(words)) return 'stub';
  if (/maximum queue size|request timeout expired/i.test(words)) return 'full';
  if (/not at ready state|unknown model|is not ready|no available versions|is not found/i.test(words)) return 'unloaded';
  return null;
}

/** Null for a server that keeps no statistics, or none of this model. @throws the fault, where the question did not arrive */
export function notCounted(error: unknown): null {
  if (error instanceof TritonFault && ['model', 'unloaded', 'input'].includes(error.kind)) return null;
  throw error;
}
