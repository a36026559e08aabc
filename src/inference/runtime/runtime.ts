/** A dense array as models take and answer it. The buffer of an input is handed over: it must not be used after `infer`. */
export interface Tensor {
  type: 'uint8' | 'float32';
  dims: readonly number[];
  data: Uint8Array | Float32Array;
}
export type Tensors = Record<string, Tensor>;

export interface ModelKey {
  model: string;
  version: number;
}

export interface InferRequest extends ModelKey {
  tensors: Tensors;
  signal?: AbortSignal;
  /** Among waiting runs the higher goes first: 1..10 for runs of inspections, from 0 to 1 for those that others ask for. */
  priority?: number;
  /** Told when the run leaves the queue, by runtimes that see it. */
  begun?: () => void;
  /** Goes to an inference server with the run, and back; made up when left out. */
  id?: string;
  /** Told once, before the answer, who ran it: `name`, or that of a maker it was handed to. */
  answeredBy?: (runtime: string) => void;
}

/**
 * What runs models: threads of this process, an inference server, or the one with the other to fall back on. `test/contract/runtime.contract.ts` says
 * what each must do.
 */
export interface ModelRuntime {
  /** Goes into the provenance of every run: engine, version, device. */
  readonly name: string;
  models(): readonly ModelKey[];
  ready(model: string, version: number): boolean;
  /** @throws RuntimeAway when it cannot run now (not loaded, no room, closing); RunFailed when this run failed. */
  infer(request: InferRequest): Promise<Tensors>;
  close(): Promise<void>;
}

/** The runtime cannot take the run now; trying later makes sense and costs no attempt. */
export class RuntimeAway extends Error {
  override readonly name = 'RuntimeAway';
}

/** The run was taken and failed: time-out, a dead thread, an error of the model. */
export class RunFailed extends Error {
  override readonly name = 'RunFailed';
}

export const keyOf = (model: string, version: number): string => `${model}:${version}`;
