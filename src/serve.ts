import cluster from 'node:cluster';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { compose, type Part } from './compose.ts';
import type { Config } from './config.ts';
import { startDemo } from './demo.ts';
import { openMigrated } from './infrastructure.ts';
import { createLifecycle } from './platform/lifecycle.ts';
import { assertPortFree, freePort } from './platform/ports.ts';
import { joinGroup } from './platform/processes/member.ts';
import { startGroup } from './platform/processes/primary.ts';
import { createLog } from './platform/telemetry/log.ts';
import { refusedBy } from './start-faults.ts';

/** What a process of the group says when it serves. */
interface Serving {
  url: string;
  listening: string;
  credentialsFile: string | null;
}

/** Beyond the longest stop of a process: the primary is the last to leave. */
const LAST_MS = 5000;

/** Runs the platform until a signal: in this process, or in several behind one port. `ready` is printed once, when all serve. */
export async function serve(config: Config): Promise<void> {
  const url = await begin(config).catch((error: unknown) => {
    throw refusedBy(config, error);
  });
  if (url === null) return;
  if (config.CQP_PARENT !== null) leaveWith(config.CQP_PARENT);
  // Whoever read may be gone (`| head`): stations are served all the same, as they are when it goes later.
  process.stdout.on('error', () => {});
  console.log(`ready ${url}`);
  if (process.stdout.isTTY && config.databaseUrl === null)
    console.log(`sign in with a user of ${join(config.dataDir, 'demo-credentials.json')}; Ctrl+C stops`);
}

/** The address; null in a process of a group, whose primary tells it. */
async function begin(config: Config): Promise<string | null> {
  if (!cluster.isWorker) return config.workers === 1 ? serveAlone(config) : serveAsPrimary(config);
  await serveAsMember(config);
  return null;
}

async function serveAlone(config: Config): Promise<string> {
  const platform = await compose(config);
  platform.lifecycle.onSignals(platform.close);
  return platform.url;
}

/** Opens what exists once, starts the processes, and ends in reverse. */
async function serveAsPrimary(config: Config): Promise<string> {
  const log = createLog({ level: config.LOG_LEVEL, service: config.SERVICE_NAME });
  const port = config.PORT === 0 ? await freePort() : config.PORT;
  await assertPortFree(config.HOST, port);
  const leaveMs = config.SHUTDOWN_TIMEOUT + config.DRAIN_DELAY + LAST_MS;
  const lifecycle = createLifecycle({ drainDelayMs: 0, shutdownTimeoutMs: leaveMs, log });
  const server = await openMigrated(config, log);
  const program = randomUUID();
  const group = startGroup({
    count: config.workers,
    part: (index): Part => ({
      program,
      index,
      database: config.databaseUrl === null ? server.address : null,
      inferenceThreads: shareOf(config.INFERENCE_WORKERS, config.workers, index),
    }),
    environment: { PORT: String(port), CQP_PARENT: '' },
    leaveMs,
    log,
    exhausted: (words) => {
      log.fatal({}, words);
      console.error(words);
      void end(1);
    },
  });
  let stopDemo = async () => {};
  async function stop(): Promise<void> {
    const [good] = await Promise.all([group.stop(), stopDemo()]);
    await server.stop();
    if (!good) throw new Error('not every process left in good order');
  }
  async function end(code: number): Promise<void> {
    await stop().catch(() => {});
    process.exit(code);
  }
  lifecycle.onSignals(stop);
  try {
    const [first] = (await group.serving) as Serving[];
    if (first === undefined) throw new Error('no process serves');
    stopDemo = await startDemo({ config, log, url: first.listening, credentialsFile: first.credentialsFile });
    lifecycle.serving();
    return first.url;
  } catch (error) {
    await stop().catch(() => {});
    throw error;
  }
}

async function serveAsMember(config: Config): Promise<void> {
  // Ctrl+C reaches every process of the terminal: the primary hears it and asks each to leave.
  process.on('SIGINT', () => {});
  const member = await joinGroup<Part>();
  const { url, listening, credentialsFile, lifecycle, close } = await compose(config, member);
  process.on('SIGTERM', () => lifecycle.end('SIGTERM', close));
  member.onLeave(() => lifecycle.end('the primary asks', close));
  member.serving({ url, listening, credentialsFile } satisfies Serving);
}

/** Threads are dealt in turn, so that only as many processes as there are threads hold a model. */
const shareOf = (threads: number, processes: number, index: number): number => Math.ceil(Math.max(0, threads - index) / processes);

/** Leaves in good order when the process that started this one is gone, however that ended. */
function leaveWith(parent: string): void {
  setInterval(() => {
    if (String(process.ppid) !== parent) process.kill(process.pid, 'SIGTERM');
  }, 2000).unref();
}
