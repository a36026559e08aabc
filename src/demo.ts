import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Config } from './config.ts';
import type { Log } from './platform/telemetry/log.ts';
import type { Credentials } from './simulator/client.ts';
import type { DemoOptions } from './simulator/demo.worker.ts';

const FAST_MILLIS = 10 * 60_000;
/** Two visual boards a minute after the first ten minutes, so that a laptop runs the line for a month. */
const SLOW_RATE = 2;
const SEED = 7;

/**
 * Runs the simulated line in a thread of its own, on an embedded data directory and where `CQP_DEMO` says so. Answers how to stop it. A line that fails is
 * logged and started again after a while.
 */
export async function startDemo({
  config,
  log,
  url,
  credentialsFile,
}: {
  config: Config;
  log: Log;
  url: string;
  credentialsFile: string | null;
}): Promise<() => Promise<void>> {
  if (credentialsFile === null || config.databaseUrl !== null || config.CQP_DEMO !== 'on') return async () => undefined;
  const credentials = JSON.parse(await readFile(credentialsFile, 'utf8')) as Credentials;
  const options: DemoOptions = {
    url,
    credentials,
    stations: credentials.clients.length,
    pace: { fast: config.CQP_DEMO_RATE, slow: SLOW_RATE, fastMillis: FAST_MILLIS },
    defectRate: 0.12,
    seed: SEED,
    truthFile: join(config.dataDir, 'simulated-truth.ndjson'),
    queueFolder: join(config.dataDir, 'simulated-stations'),
    boards: null,
  };
  let stopping = false;
  let timer: NodeJS.Timeout | undefined;
  let worker: Worker;
  let ended: Promise<void>;
  const start = () => {
    worker = new Worker(new URL('./simulator/demo.worker.ts', import.meta.url), {
      workerData: options,
      resourceLimits: { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 12 },
    });
    worker.on('message', (text: string) => log.info({ plant: text }, 'plant'));
    worker.on('error', (error) => log.warn({ err: error }, 'plant_failed'));
    ended = new Promise((resolve) => {
      worker.once('exit', () => {
        if (!stopping) timer = setTimeout(start, 30_000);
        resolve();
      });
    });
  };
  start();
  return async () => {
    stopping = true;
    clearTimeout(timer);
    worker.postMessage('stop');
    const late = setTimeout(() => void worker.terminate(), 3000);
    await ended;
    clearTimeout(late);
  };
}
