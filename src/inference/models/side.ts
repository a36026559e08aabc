import { setTimeout as sleep } from 'node:timers/promises';
import { onnxRuntime } from '../runtime/onnx.ts';
import { keyOf, type ModelRuntime } from '../runtime/runtime.ts';
import { type Log, openThreads, type Threads } from '../threads/pool.ts';
import { goldenFault } from './golden.ts';
import type { VerifiedModel } from './repository.ts';

/** Where versions run that must not be able to harm those that judge. */
export interface Side {
  threads: Threads;
  runtime: ModelRuntime;
  /** When its thread has loaded what it can, or after the time-out. */
  settled(): Promise<void>;
  close(): Promise<void>;
}
/** `signal` ends the waiting for what loads: the side is there then, and not ready. */
export type OpenSide = (models: readonly VerifiedModel[], signal?: AbortSignal) => Promise<Side>;

/** Time for a process to start and to load its models on a busy machine. */
const STARTING_MS = 20_000;
/** Runs that may wait for the one thread of a side. */
const MOST_WAITING = 4;

/** One thread in a process of its own (`threads/apart.ts`) with these models; one run at a time, each given up after `timeoutMs`. */
export function sideOf({ timeoutMs, log }: { timeoutMs: number; log: Log }): OpenSide {
  return async (models, signal) => {
    const threads = openThreads({
      size: 1,
      maxQueue: MOST_WAITING,
      timeoutMs,
      models: models.map(({ manifest, bytes }) => ({ session: keyOf(manifest.name, manifest.version), bytes })),
      apart: true,
      log,
    });
    const ending = new AbortController();
    const over = signal ? AbortSignal.any([ending.signal, signal]) : ending.signal;
    const settled = () => Promise.race([threads.settled(), sleep(timeoutMs + STARTING_MS, undefined, { signal: over }).catch(() => {})]);
    await settled();
    const runtime = onnxRuntime(threads, models);
    return {
      threads,
      runtime,
      settled,
      async close() {
        ending.abort();
        await threads.close();
      },
    };
  };
}

/** Tries a version's golden example on a side of its own: a candidate that hangs there takes no thread that judges boards. */
export function goldenBeside(openSide: OpenSide): (model: VerifiedModel) => Promise<string | null> {
  return async (model) => {
    const side = await openSide([model]);
    try {
      return await goldenFault(side.runtime, model);
    } finally {
      await side.close();
    }
  };
}
