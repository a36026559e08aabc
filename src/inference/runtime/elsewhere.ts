import type { VerifiedModel } from '../models/repository.ts';
import { ONNX_NAME } from './onnx.ts';
import { keyOf, type ModelRuntime, RuntimeAway } from './runtime.ts';

/** A process of a group in which others run the models: it tells of them as they do, and runs none. */
export function elsewhere(models: readonly VerifiedModel[], name = ONNX_NAME): ModelRuntime {
  const keys = models.map(({ manifest }) => ({ model: manifest.name, version: manifest.version }));
  const known = new Set(keys.map((key) => keyOf(key.model, key.version)));
  return {
    name,
    models: () => keys,
    ready: (model, version) => known.has(keyOf(model, version)),
    infer: async ({ model }) => {
      throw new RuntimeAway(`${model} runs in another process`);
    },
    close: async () => undefined,
  };
}
