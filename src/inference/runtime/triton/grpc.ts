import {
  type Client,
  credentials,
  type GrpcObject,
  loadPackageDefinition,
  type ServiceClientConstructor,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { BadTensors, headOf, rawOf, readHead, TENSOR_LIMITS, tensorFrom } from '../../protocol/binary-tensors.ts';
import type { ModelKey, Tensors } from '../runtime.ts';
import { ASK_MS, type InferCall, LOAD_MS, type ModelMetadata, type TritonClient } from './client.ts';
import { type FaultKind, kindOfWords, notCounted, TritonFault } from './fault.ts';
import { inferenceService } from './protocol.ts';

/**
 * gRPC's own limit is 4 MiB an answer, its own pause before it connects again grows to two minutes. A channel of its own for each client: a shared one
 * would outlive `renew`.
 */
const CHANNEL = {
  'grpc.max_receive_message_length': TENSOR_LIMITS.bytes,
  'grpc.max_send_message_length': TENSOR_LIMITS.bytes,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 250,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
};

const KINDS: Partial<Record<status, FaultKind>> = {
  [status.INVALID_ARGUMENT]: 'input',
  [status.DEADLINE_EXCEEDED]: 'late',
  [status.NOT_FOUND]: 'unloaded',
  [status.UNAVAILABLE]: 'unreachable',
  [status.CANCELLED]: 'unreachable',
  [status.RESOURCE_EXHAUSTED]: 'full',
};

function faultOf({ code, details }: ServiceError): TritonFault {
  if (code === status.RESOURCE_EXHAUSTED && /larger than max|message length/i.test(details)) return new TritonFault('answer', details);
  const said = code === status.INVALID_ARGUMENT || code === status.DEADLINE_EXCEEDED ? null : kindOfWords(details);
  return new TritonFault(said ?? KINDS[code] ?? 'model', `${status[code]}: ${details}`);
}

interface InferAnswer {
  id: string;
  model_name: string;
  model_version: string;
  outputs: unknown[];
  raw_output_contents: Uint8Array[];
}

/** Every output with exactly the bytes that its shape says. @throws TritonFault `answer` */
function tensorsOf(answer: InferAnswer, { id, model, version }: InferCall): Tensors {
  if (answer.id !== id) throw new TritonFault('answer', `asked ${id}, answered ${answer.id}`);
  if (answer.model_name !== model || answer.model_version !== String(version))
    throw new TritonFault('answer', `asked ${model} ${version}, answered by ${answer.model_name} ${answer.model_version}`);
  if (answer.raw_output_contents.length !== answer.outputs.length)
    throw new TritonFault('answer', `${answer.outputs.length} outputs with ${answer.raw_output_contents.length} contents`);
  try {
    return Object.fromEntries(
      answer.outputs.map((output, at) => {
        const head = readHead(output, TENSOR_LIMITS);
        return [head.name, tensorFrom(head, answer.raw_output_contents[at] as Uint8Array)];
      }),
    );
  } catch (error) {
    if (error instanceof BadTensors) throw new TritonFault('answer', error.message);
    throw error;
  }
}

/** @param target `host:port` */
export function grpcClient(target: string): TritonClient {
  const Service = (loadPackageDefinition(inferenceService()) as { inference: GrpcObject }).inference
    .GRPCInferenceService as ServiceClientConstructor;
  let client: Client = new Service(target, credentials.createInsecure(), CHANNEL);

  function ask<Answer>(method: string, request: object, timeoutMs: number, signal?: AbortSignal): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(new TritonFault('given_up', 'given up before it was sent'));
      const call = (client as unknown as Record<string, (...given: unknown[]) => { cancel(): void }>)[method]?.(
        request,
        { deadline: Date.now() + timeoutMs },
        (error: ServiceError | null, answer: Answer) => {
          signal?.removeEventListener('abort', cancel);
          if (error === null) resolve(answer);
          else reject(signal?.aborted ? new TritonFault('given_up', 'given up') : faultOf(error));
        },
      );
      const cancel = () => call?.cancel();
      signal?.addEventListener('abort', cancel, { once: true });
    });
  }
  const byName = ({ model, version }: ModelKey) => ({ name: model, version: String(version) });

  return {
    address: `grpc://${target}`,
    protocol: 'grpc',
    live: async (timeoutMs = ASK_MS) => (await ask<{ live: boolean }>('ServerLive', {}, timeoutMs)).live,
    server: () => ask('ServerMetadata', {}, ASK_MS),
    async modelReady(key) {
      try {
        return (await ask<{ ready: boolean }>('ModelReady', byName(key), ASK_MS)).ready;
      } catch (error) {
        if (error instanceof TritonFault && error.kind === 'unloaded') return false;
        throw error;
      }
    },
    metadata: (key) => ask<ModelMetadata>('ModelMetadata', byName(key), ASK_MS),
    async runs(key, timeoutMs = ASK_MS) {
      try {
        const { model_stats } = await ask<{ model_stats: { inference_stats: { success: { count: number } | null } | null }[] }>(
          'ModelStatistics',
          byName(key),
          timeoutMs,
        );
        return model_stats[0]?.inference_stats?.success?.count ?? null;
      } catch (error) {
        return notCounted(error);
      }
    },
    load: (model) => ask('RepositoryModelLoad', { model_name: model }, LOAD_MS),
    unload: (model) => ask('RepositoryModelUnload', { model_name: model }, ASK_MS),
    async infer(call) {
      const inputs = Object.entries(call.tensors);
      const request = {
        model_name: call.model,
        model_version: String(call.version),
        id: call.id,
        inputs: inputs.map(([name, tensor]) => headOf(name, tensor)),
        raw_input_contents: inputs.map(([, tensor]) => rawOf(tensor)),
      };
      return tensorsOf(await ask<InferAnswer>('ModelInfer', request, call.timeoutMs, call.signal), call);
    },
    renew() {
      client.close();
      client = new Service(target, credentials.createInsecure(), CHANNEL);
    },
    close: async () => client.close(),
  };
}
