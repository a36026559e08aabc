import type { TensorHead } from '../../protocol/binary-tensors.ts';
import type { ModelKey, Tensors } from '../runtime.ts';

/** Longest times in milliseconds: of a question, and of a load, which reads the file, builds the session and warms it up. */
export const ASK_MS = 2000;
export const LOAD_MS = 60_000;

/** `shape` may hold -1: any size. */
export type TensorForm = Omit<TensorHead, 'datatype'> & { datatype: string };
export interface ModelMetadata {
  platform: string;
  inputs: TensorForm[];
  outputs: TensorForm[];
}

export interface InferCall extends ModelKey {
  /** Comes back with the answer, and stands in the server's own trace. */
  id: string;
  tensors: Tensors;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/**
 * An inference server as the Open Inference Protocol (KServe v2) and Triton's repository extension know it; one maker speaks gRPC, the other HTTP with
 * binary tensors. Every call is bounded in time and fails with a TritonFault.
 */
export interface TritonClient {
  /** As people say it: `grpc://host:8001`. */
  readonly address: string;
  readonly protocol: 'grpc' | 'http';
  live(timeoutMs?: number): Promise<boolean>;
  server(): Promise<{ name: string; version: string }>;
  modelReady(key: ModelKey): Promise<boolean>;
  metadata(key: ModelKey): Promise<ModelMetadata>;
  /** Runs that succeeded since the model was loaded: fewer than before mean that it was loaded anew. Null where the server does not count. */
  runs(key: ModelKey, timeoutMs?: number): Promise<number | null>;
  load(model: string): Promise<void>;
  unload(model: string): Promise<void>;
  infer(call: InferCall): Promise<Tensors>;
  /** Leaves its connections: behind a link that swallowed packets an old one stays dead long after the link is whole. */
  renew(): void;
  close(): Promise<void>;
}
