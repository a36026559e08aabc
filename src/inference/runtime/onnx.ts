import { createRequire } from 'node:module';
import type { VerifiedModel } from '../models/repository.ts';
import type { Threads } from '../threads/pool.ts';
import { keyOf, type ModelRuntime, RunFailed, RuntimeAway } from './runtime.ts';

const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };

/** Goes into the provenance of every run. */
export const ONNX_NAME = `onnxruntime-node ${version} cpu`;

/** ONNX Runtime in threads of this process, CPU, one session a thread. The threads load the models; this only hands runs to them. */
export function onnxRuntime(threads: Threads, models: readonly VerifiedModel[]): ModelRuntime {
  const keys = models.map(({ manifest }) => ({ model: manifest.name, version: manifest.version }));
  return {
    name: ONNX_NAME,
    models: () => keys,
    ready: (model, wanted) => threads.has(keyOf(model, wanted)),
    async infer({ model, version: wanted, tensors, signal, priority, begun, answeredBy }) {
      const session = keyOf(model, wanted);
      if (!threads.has(session)) throw new RuntimeAway(`${model} version ${wanted} is not ready`);
      const transfer = Object.values(tensors).map((tensor) => tensor.data.buffer as ArrayBuffer);
      const done = await threads.perform({ kind: 'run', session, tensors }, { transfer, signal, priority, begun });
      if (done.kind !== 'ran') throw new RunFailed(`a run answered ${done.kind}`);
      answeredBy?.(ONNX_NAME);
      return done.tensors;
    },
    close: () => threads.close(),
  };
}
