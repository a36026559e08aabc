import type { HeatDeps } from './heat-routes.ts';
import type { PictureStore } from './look.ts';
import type { VerifiedModel } from './models/repository.ts';
import { onnxRuntime } from './runtime/onnx.ts';
import { keyOf, type ModelRuntime } from './runtime/runtime.ts';
import { type Log, openThreads } from './threads/pool.ts';

/** A thread that nobody asked for in this time goes, and its 150 MB with it. Longer than a map may take. */
const IDLE_MS = 60_000;

export interface SpareEyes {
  open: HeatDeps['eyes'];
  close(): Promise<void>;
}

/** For a process of a group in which others run the models: one thread of its own, from the first map that is asked for until a minute after the last. */
export function spareEyes(deps: { models: readonly VerifiedModel[]; pictures: PictureStore; log: Log; timeoutMs: number }): SpareEyes {
  const { models, pictures, log, timeoutMs } = deps;
  let held: { eyes: NonNullable<ReturnType<HeatDeps['eyes']>>; runtime: ModelRuntime } | null = null;
  let timer: NodeJS.Timeout | undefined;
  async function close(): Promise<void> {
    clearTimeout(timer);
    const closing = held;
    held = null;
    await closing?.runtime.close();
  }
  return {
    open() {
      if (!held) {
        const sessions = models.map(({ manifest, bytes }) => ({ session: keyOf(manifest.name, manifest.version), bytes }));
        const threads = openThreads({ size: 1, maxQueue: 1, timeoutMs, models: sessions, log });
        const runtime = onnxRuntime(threads, models);
        held = { runtime, eyes: { looking: { pictures, threads, runtime, onRun: () => {} }, models } };
      }
      clearTimeout(timer);
      timer = setTimeout(() => void close(), IDLE_MS).unref();
      return held.eyes;
    },
    close,
  };
}
