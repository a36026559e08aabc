import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { OpenLoopResult } from '../../bench/load/open-loop.ts';
import { listenerOn, type MemoryPeak, machineUse, memoryPeaks, treeCpu } from '../../bench/process-tree.ts';
import { freePort } from '../../src/platform/ports.ts';
import { commandOptions } from '../../tools/command-options.ts';
import { amountOption, wholeOption } from '../../tools/option-numbers.ts';
import { startPostgres } from '../../tools/servers/postgres.ts';
import { generateLoad } from '../support/load-generator.ts';
import { type RunningPlatform, runCommand, startPlatform } from '../support/platform.ts';
import { MEMORY_LIMITS, startServices } from '../support/services.ts';

export interface LoadOptions {
  seconds: number;
  rate: number;
  connections: number;
  burst: number;
  workers: number;
  /** Where the clients connect: all services in one program, or each in its own and the load on that which records, or on the gateway, which forwards it. */
  on: 'whole' | 'inspection' | 'gateway';
}

export interface LoadFigures {
  control: { p50: number; p95: number; p99: number };
  /** Whether the control was quick enough for the machine to be judged quiet: P95 below 20 ms. */
  quiet: boolean;
  /** The share of the processor time in use that others took while the load went on. */
  others: number;
  steady: { due: number; answered: number; p50: number; p95: number; p99: number; statuses: Record<string, number> };
  burst: { due: number; answered: number; longest: number; statuses: Record<string, number> };
  resets: number;
  /** The most that a process of the program had resident (MiB). */
  memory: number;
  faults: string[];
}

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const CONTROL_SECONDS = 10;
/** Milliseconds by which the P95 may be above the control's. */
export const BESIDE_CONTROL_MS = 60;
const ABSOLUTE_MS = 100;
/** The most that a process of what the clients connect to may have resident (MiB). */
const MEMORY_MIB = { ...MEMORY_LIMITS, whole: 256 };
/** Recorded, or put off with a `Retry-After`. */
const EXPECTED = new Set(['201', '429', '503']);

const generate = (platform: RunningPlatform, port: number, given: Record<string, number>): Promise<OpenLoopResult> =>
  generateLoad(
    { url: `http://127.0.0.1:${port}`, tokens: { credentials: join(platform.dataDir, 'demo-credentials.json') } },
    { patience: 60, shed: true, ...given },
  );

/** Does something, and says which share of the machine's busy time was neither this process nor any below it. */
export async function watchOthers<R>(work: () => Promise<R>): Promise<{ result: R; others: number }> {
  const now = () => {
    const { program, postgres } = treeCpu(process.pid);
    const { busyMicros, stolenMicros } = machineUse();
    return { own: program + postgres, busy: busyMicros + stolenMicros };
  };
  const before = now();
  const result = await work();
  const after = now();
  const others = 1 - (after.own - before.own) / Math.max(1, after.busy - before.busy);
  return { result, others: Math.round(Math.max(0, others) * 100) / 100 };
}

/** A bare server of the same framework and shape, in the same minute: what this machine answers in when nothing is done. */
async function control(platform: RunningPlatform, options: LoadOptions): Promise<LoadFigures['control']> {
  const port = await freePort();
  const child = spawn(process.execPath, [file('../../bench/load/servers.ts'), '--kind', 'fastify_bare', '--port', String(port)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    for (const until = Date.now() + 60_000; listenerOn(port) === undefined; await pause(100))
      if (child.exitCode !== null || Date.now() > until) throw new Error('the control did not start');
    const { steady } = await generate(platform, port, {
      rate: options.rate,
      connections: options.connections,
      seconds: CONTROL_SECONDS,
    });
    if (!steady) throw new Error('the control has no figures');
    return { p50: steady.latency.p50, p95: steady.latency.p95, p99: steady.latency.p99 };
  } finally {
    child.kill();
  }
}

async function ownDatabase(scope: { after(fn: () => Promise<void>): void }): Promise<string> {
  const postgres = await startPostgres();
  scope.after(() => postgres.remove());
  await runCommand(['migrate'], { DATABASE_URL: postgres.url });
  return postgres.url;
}

/** The program that the load goes to, and its port. */
async function start(options: LoadOptions, scope: { after(fn: () => Promise<void>): void }) {
  const environment = { CQP_WORKERS: String(options.workers), LOG_LEVEL: 'info' };
  if (options.on !== 'whole') {
    const { at, addressOf } = await startServices(scope, await ownDatabase(scope), environment);
    return { platform: at[options.on], port: Number(new URL(addressOf(options.on)).port) };
  }
  const platform = await startPlatform(scope, { environment });
  return { platform, port: Number(new URL(platform.url).port) };
}

/** The nominal load and a burst over as many connections, against a platform of its own with default settings. */
export async function measureLoad(options: LoadOptions, say: (text: string) => void): Promise<LoadFigures> {
  const ends: (() => Promise<void>)[] = [];
  try {
    const scope = { after: (fn: () => Promise<void>) => void ends.push(fn) };
    const { platform, port } = await start(options, scope);
    say('the control server first');
    const beside = await control(platform, options);
    const { rate, connections, seconds, burst: size } = options;
    const { result, others } = await watchOthers(() => generate(platform, port, { rate, connections, seconds, burst: size }));
    const { steady, burst } = result;
    if (!steady || !burst) throw new Error('the load has no figures');
    const programs = memoryPeaks(platform.process.pid ?? 0).filter(({ name }: MemoryPeak) => name !== 'postgres' && name !== 'sh');
    const memory = Math.max(...programs.map(({ peak_mib }) => peak_mib));
    const faults: string[] = [];
    const hold = (good: boolean, words: string) => void (good || faults.push(words));
    const { p50, p95, p99 } = steady.latency;
    const strange = (statuses: Record<string, number>) => Object.keys(statuses).filter((status) => !EXPECTED.has(status));
    hold(strange(steady.statuses).length === 0, `the steady part was answered ${strange(steady.statuses)}`);
    hold(strange(burst.statuses).length === 0, `the burst was answered ${strange(burst.statuses)}`);
    hold((steady.statuses['201'] ?? 0) > 0.99 * steady.due, 'less than 99 % of the steady part was recorded');
    hold(steady.server_errors === 0, `${steady.server_errors} answers of the steady part were 5xx`);
    hold(steady.resets + burst.resets === 0, `${steady.resets + burst.resets} connections were reset`);
    hold(steady.unanswered + burst.unanswered === 0, `${steady.unanswered} and ${burst.unanswered} requests had no answer`);
    hold(p95 <= beside.p95 + BESIDE_CONTROL_MS, `P95 ${p95} ms is more than ${BESIDE_CONTROL_MS} ms above the control's ${beside.p95} ms`);
    const quiet = beside.p95 < 20;
    if (quiet) hold(p95 < ABSOLUTE_MS, `P95 is ${p95} ms on a quiet machine`);
    hold(memory < MEMORY_MIB[options.on], `a process had ${memory} MiB`);
    return {
      control: beside,
      quiet,
      others,
      steady: { due: steady.due, answered: steady.answered, p50, p95, p99, statuses: steady.statuses },
      burst: { due: burst.due, answered: burst.answered, longest: burst.latency.max, statuses: burst.statuses },
      resets: steady.resets + burst.resets,
      memory,
      faults,
    };
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

const USAGE = `usage: node test/proof/load.ts [options]

50,000 creations a minute over keep-alive connections, then a burst, beside a bare server of the same framework. Says what was promised and not kept, and
ends with 1 then. The generator and the platform each hold a file a connection: Node takes the hard limit of open files (ulimit -Hn), which has to be
above --connections plus 1,000.

  --minutes N      length of the steady part   (5)
  --rate N         requests a second           (834)
  --connections N                              (10000)
  --burst N        requests within one second  (10000)
  --workers N      processes of the platform   (1)
  --split          each service as a program of its own; the load, and the memory that is judged, is that of inspection
  --gateway        the same, with the load on the gateway, which forwards it; the memory that is judged is the gateway's
  --short          20 s over 2,000 connections, burst of 2,000`;

if (import.meta.main) {
  const { values } = commandOptions({
    options: {
      minutes: { type: 'string', default: '5' },
      rate: { type: 'string', default: '834' },
      connections: { type: 'string', default: '10000' },
      burst: { type: 'string', default: '10000' },
      workers: { type: 'string', default: '1' },
      short: { type: 'boolean', default: false },
      split: { type: 'boolean', default: false },
      gateway: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) console.log(USAGE);
  else {
    const long = {
      seconds: amountOption('minutes', values.minutes) * 60,
      connections: wholeOption('connections', values.connections),
      burst: wholeOption('burst', values.burst, 0),
    };
    const chosen = values.short ? { seconds: 20, connections: 2000, burst: 2000 } : long;
    const on = values.gateway ? 'gateway' : values.split ? 'inspection' : 'whole';
    const given = { rate: amountOption('rate', values.rate), workers: wholeOption('workers', values.workers) };
    const figures = await measureLoad({ ...chosen, ...given, on }, (text) => console.error(text));
    console.log(JSON.stringify(figures, null, 2));
    process.exit(figures.faults.length > 0 ? 1 : 0);
  }
}
