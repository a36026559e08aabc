import type { RuntimeMeters } from '../meters.ts';
import { readGolden } from '../models/golden.ts';
import type { VerifiedModel } from '../models/repository.ts';
import type { Log, Threads } from '../threads/pool.ts';
import { withFallback } from './fallback.ts';
import { onnxRuntime } from './onnx.ts';
import type { ModelRuntime } from './runtime.ts';
import type { TritonAddress } from './triton/address.ts';
import type { KnownModel } from './triton/examine.ts';

export interface TritonSettings {
  address: TritonAddress;
  /** Runs at the server at once. */
  concurrency: number;
  /** Runs of this process that may wait before it. */
  queue: number;
  /** The threads of this process run what the server cannot run now. */
  fallback: boolean;
}

export interface OpenRuntime {
  runtime: ModelRuntime;
  /** In words when runs wait, or are done by another runtime than they should. */
  trouble(): string | null;
}

async function known(models: readonly VerifiedModel[], log: Log): Promise<KnownModel[]> {
  const all: KnownModel[] = [];
  for (const { manifest, folder } of models) {
    const { name: model, version } = manifest;
    const golden = await (folder === undefined ? Promise.resolve(null) : readGolden(folder)).catch((error: unknown) => {
      log.error({ err: error, model, version }, 'golden.json is not understood');
      return null;
    });
    if (golden === null)
      log.error({ model, version }, 'model not run on the inference server: without golden.json nobody can tell whether it is ours there');
    else all.push({ model, version, golden });
  }
  return all;
}

/** The runtime that the settings name: threads of this process, or an inference server with or without them behind it. */
export async function openRuntime(given: {
  threads: Threads;
  models: readonly VerifiedModel[];
  timeoutMs: number;
  triton: TritonSettings | null;
  meters: RuntimeMeters;
  log: Log;
}): Promise<OpenRuntime> {
  const { threads, models, triton, meters, log, timeoutMs } = given;
  const embedded = onnxRuntime(threads, models);
  if (triton === null) return { runtime: embedded, trouble: () => null };
  // Loaded where there is a server: gRPC takes memory and time.
  const { openTriton } = await import('./triton/open.ts');
  const server = openTriton({
    address: triton.address,
    models: await known(models, log),
    lanes: { inFlight: triton.concurrency, waiting: triton.queue },
    timeoutMs,
    meters,
    log,
  });
  if (triton.fallback) {
    const words = () => {
      const away = server.trouble();
      return away && `${away}; the embedded runtime does it`;
    };
    return { runtime: withFallback(server, embedded, meters.fallback), trouble: words };
  }
  return { runtime: server, trouble: server.trouble };
}
