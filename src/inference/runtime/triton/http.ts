import { Agent, request as httpRequest } from 'node:http';
import { BadTensors, HEADER_LENGTH, joinBody, readTensors, splitBody, TENSOR_LIMITS } from '../../protocol/binary-tensors.ts';
import type { ModelKey, Tensors } from '../runtime.ts';
import { ASK_MS, type InferCall, LOAD_MS, type ModelMetadata, type TritonClient } from './client.ts';
import { type FaultKind, kindOfWords, notCounted, TritonFault } from './fault.ts';

interface Answer {
  status: number;
  headLength: number | null;
  body: Buffer;
}
interface Asked {
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  body?: Buffer;
  headers?: Record<string, string>;
}

const KINDS: Record<number, FaultKind> = {
  400: 'input',
  404: 'unloaded',
  408: 'late',
  429: 'full',
  502: 'unreachable',
  503: 'unreachable',
  504: 'late',
};

function faultOf({ status, body }: Answer): TritonFault {
  let words = body.toString('utf8', 0, 500);
  try {
    words = String((JSON.parse(words) as { error?: unknown }).error ?? words);
  } catch {
    // A proxy's page.
  }
  return new TritonFault(kindOfWords(words) ?? KINDS[status] ?? 'model', `HTTP ${status}: ${words}`);
}

function tensorsOf(answer: Answer, { id, model, version }: InferCall): Tensors {
  try {
    const { head, rest } = splitBody(answer.body, answer.headLength);
    if (head.id !== id) throw new TritonFault('answer', `asked ${id}, answered ${String(head.id)}`);
    if (head.model_name !== model || head.model_version !== String(version))
      throw new TritonFault('answer', `asked ${model} ${version}, answered by ${String(head.model_name)} ${String(head.model_version)}`);
    return readTensors(head.outputs, rest);
  } catch (error) {
    if (error instanceof BadTensors) throw new TritonFault('answer', error.message);
    throw error;
  }
}

/**
 * HTTP with the binary-tensor extension. `node:http` and not `fetch`: its agent can be ended, and an idle connection holds a Triton that is to stop
 * until its exit time-out. @param base `http://host:port`
 */
export function httpClient(base: string): TritonClient {
  // The lanes bound the runs; a bound on connections would let a heartbeat queue behind them.
  const openAgent = () => new Agent({ keepAlive: true, timeout: 30_000 });
  let agent = openAgent();

  function ask(method: 'GET' | 'POST', path: string, { timeoutMs, signal, body, headers = {} }: Asked): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(new TritonFault('given_up', 'given up before it was sent'));
      const late = AbortSignal.timeout(Math.ceil(timeoutMs));
      const ending = signal ? AbortSignal.any([signal, late]) : late;
      const fail = (error: Error) => {
        const kind = signal?.aborted ? 'given_up' : late.aborted ? 'late' : 'unreachable';
        reject(
          error instanceof TritonFault
            ? error
            : new TritonFault(kind, kind === 'late' ? `no answer within ${Math.ceil(timeoutMs)} ms` : error.message),
        );
      };
      const length = body === undefined ? {} : { 'content-length': String(body.byteLength) };
      const request = httpRequest(`${base}${path}`, { method, agent, signal: ending, headers: { ...headers, ...length } }, (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.byteLength;
          if (size > TENSOR_LIMITS.bytes) request.destroy(new TritonFault('answer', `an answer of more than ${TENSOR_LIMITS.bytes} bytes`));
          else chunks.push(chunk);
        });
        response.on('error', fail);
        response.on('end', () => {
          const said = response.headers[HEADER_LENGTH];
          resolve({ status: response.statusCode ?? 0, headLength: said === undefined ? null : Number(said), body: Buffer.concat(chunks) });
        });
      });
      request.on('error', fail);
      request.end(body);
    });
  }
  const good = async (answering: Promise<Answer>): Promise<Answer> => {
    const answer = await answering;
    if (answer.status !== 200) throw faultOf(answer);
    return answer;
  };
  async function told<T>(method: 'GET' | 'POST', path: string, timeoutMs = ASK_MS): Promise<T> {
    const { body } = await good(ask(method, path, method === 'POST' ? { timeoutMs, body: Buffer.from('{}') } : { timeoutMs }));
    try {
      return JSON.parse(body.toString()) as T;
    } catch {
      throw new TritonFault('answer', `${path} answered no JSON`);
    }
  }
  const says = async (path: string, timeoutMs = ASK_MS) => (await ask('GET', path, { timeoutMs })).status === 200;
  const at = ({ model, version }: ModelKey) => `/v2/models/${encodeURIComponent(model)}/versions/${version}`;
  const repository = (model: string) => `/v2/repository/models/${encodeURIComponent(model)}`;

  return {
    address: base,
    protocol: 'http',
    live: (timeoutMs) => says('/v2/health/live', timeoutMs),
    server: () => told('GET', '/v2'),
    modelReady: (key) => says(`${at(key)}/ready`),
    metadata: (key) => told<ModelMetadata>('GET', at(key)),
    async runs(key, timeoutMs = ASK_MS) {
      type Stats = { model_stats?: { inference_stats?: { success?: { count?: number } } }[] };
      try {
        return (await told<Stats>('GET', `${at(key)}/stats`, timeoutMs)).model_stats?.[0]?.inference_stats?.success?.count ?? null;
      } catch (error) {
        return notCounted(error);
      }
    },
    load: async (model) => void (await good(ask('POST', `${repository(model)}/load`, { timeoutMs: LOAD_MS, body: Buffer.from('{}') }))),
    unload: async (model) => void (await good(ask('POST', `${repository(model)}/unload`, { timeoutMs: ASK_MS, body: Buffer.from('{}') }))),
    async infer(call) {
      const { body, headLength } = joinBody({ id: call.id, parameters: { binary_data_output: true } }, 'inputs', call.tensors);
      const headers = { 'content-type': 'application/octet-stream', [HEADER_LENGTH]: String(headLength) };
      return tensorsOf(
        await good(ask('POST', `${at(call)}/infer`, { timeoutMs: call.timeoutMs, signal: call.signal, body, headers })),
        call,
      );
    },
    renew() {
      agent.destroy();
      agent = openAgent();
    },
    close: async () => agent.destroy(),
  };
}
