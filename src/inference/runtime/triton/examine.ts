import { setTimeout as sleep } from 'node:timers/promises';
import { differs, type Golden } from '../../models/golden.ts';
import type { ModelKey, Tensor } from '../runtime.ts';
import { ASK_MS, type ModelMetadata, type TensorForm, type TritonClient } from './client.ts';
import { TritonFault } from './fault.ts';

/** A version that may be run on the server when it answers there what it answered where it was trained. */
export interface KnownModel extends ModelKey {
  golden: Golden;
}

/** The server holds something else under this name: nothing that it answers is used. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

export interface ExamineTimes {
  /** Longest answer to the known inputs, in milliseconds. */
  answerMs: number;
}
export const EXAMINE_TIMES: ExamineTimes = { answerMs: 5000 };

const DATATYPE = { uint8: 'UINT8', float32: 'FP32' } as const;

function fits(forms: readonly TensorForm[], name: string, tensor: Tensor): boolean {
  const form = forms.find((one) => one.name === name);
  if (form === undefined || form.datatype !== DATATYPE[tensor.type] || form.shape.length !== tensor.dims.length) return false;
  return form.shape.every((axis, at) => axis === -1 || axis === tensor.dims[at]);
}

function misfit({ inputs, outputs }: ModelMetadata, { golden }: KnownModel): string | null {
  for (const [name, tensor] of Object.entries(golden.inputs())) if (!fits(inputs, name, tensor)) return `it takes no ${name} as ours does`;
  for (const [name, tensor] of Object.entries(golden.outputs))
    if (!fits(outputs, name, tensor)) return `it answers no ${name} as ours does`;
  return null;
}

/**
 * Whether the model process does nothing at all: a stub that is dead, or one that answers neither the known inputs nor anybody else in the time that a
 * run of ours may take. A model that is merely busy ends that run, and is not unloaded under its feet.
 */
async function hangs(
  client: TritonClient,
  model: KnownModel,
  fault: unknown,
  { runs, busyMs }: { runs: number | null; busyMs: () => number },
): Promise<boolean> {
  if (!(fault instanceof TritonFault)) return false;
  if (fault.kind === 'stub') return true;
  if (fault.kind !== 'late' || runs === null) return false;
  for (const end = performance.now() + busyMs(); (await client.runs(model)) === runs; ) {
    const left = Math.min(end - performance.now(), busyMs());
    if (left <= 0) return true;
    await sleep(Math.min(left, 200));
  }
  return false;
}

async function answersAsOurs(client: TritonClient, model: KnownModel, { answerMs }: ExamineTimes): Promise<void> {
  const { golden } = model;
  const outputs = await client.infer({ ...model, id: crypto.randomUUID(), tensors: golden.inputs(), timeoutMs: answerMs });
  const difference = differs(golden, outputs);
  if (difference !== null) throw new Refused(difference);
}

/**
 * Whether the server runs this very version: alive, loaded (else it is told to load it), of the right form, and its answer to known inputs is the known
 * one. Readiness alone says little: the server goes on being ready when the process of its model is dead or stopped. Such a model is unloaded and
 * loaded, because a load alone answers OK and changes nothing. `busyMs` tells how long a run of ours may still be at work there: 0 when none is.
 * @throws TritonFault; Refused
 */
export async function examine(
  client: TritonClient,
  model: KnownModel,
  onReload: (why: string) => void,
  times: ExamineTimes,
  busyMs: () => number,
): Promise<void> {
  if (!(await client.live(Math.min(ASK_MS, times.answerMs)))) throw new TritonFault('unreachable', 'the server says that it is not alive');
  if (!(await client.modelReady(model))) {
    await client.load(model.model);
    if (!(await client.modelReady(model)))
      throw new TritonFault(
        'unloaded',
        `the server loads ${model.model} without version ${model.version}: see version_policy of its config.pbtxt`,
      );
  }
  const wrong = misfit(await client.metadata(model), model);
  if (wrong !== null) throw new Refused(wrong);
  const runs = await client.runs(model);
  try {
    await answersAsOurs(client, model, times);
  } catch (error) {
    const busy = busyMs() > 0;
    if (!(await hangs(client, model, error, { runs, busyMs }))) {
      if (!busy || !(error instanceof TritonFault && error.kind === 'late')) throw error;
      // The long run is over, and the known inputs have their turn.
      return await answersAsOurs(client, model, times);
    }
    onReload(error instanceof Error ? error.message : String(error));
    await client.unload(model.model);
    await client.load(model.model);
    await answersAsOurs(client, model, times);
  }
}
