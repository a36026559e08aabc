import { type ModelRuntime, RuntimeAway } from './runtime.ts';

/**
 * The second runs what the first cannot run now. Which of them answered is told with every run and stands in its record. What the first refuses
 * because it is busy is not handed on: waiting is right then. Closing closes both.
 */
export function withFallback(first: ModelRuntime, second: ModelRuntime, onFallback: (model: string) => void): ModelRuntime {
  return {
    get name() {
      return `${first.name}, else ${second.name}`;
    },
    models: () => first.models(),
    ready: (model, version) => first.ready(model, version) || second.ready(model, version),
    async infer(request) {
      const { model, version, signal } = request;
      if (first.ready(model, version)) {
        try {
          return await first.infer(request);
        } catch (error) {
          if (!(error instanceof RuntimeAway) || signal?.aborted || first.ready(model, version)) throw error;
        }
      }
      const outputs = await second.infer(request);
      onFallback(model);
      return outputs;
    },
    async close() {
      await Promise.all([first.close(), second.close()]);
    },
  };
}
