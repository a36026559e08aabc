import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

/** Tokens of one side: good ones of several clients, and such as must be refused. */
export interface Tokens {
  good: readonly string[];
  /** Signed by a key that is not the issuer's. */
  forged: string;
  /** Good, without the scope `inspections:write`. */
  noScope: string;
  expired?: string;
}

/** How the tables of a side are counted. */
export interface Ledger {
  database: string;
  /** One row of counts: records, events, and with duties audit entries and idempotency records. They must all be equal to the answers 201. */
  counts: string;
  /** `$1` uuid[]: how many of these records have everything that belongs to them. */
  joined: string;
}

/** One server that is measured: a process tree on a core of its own. */
export interface Side {
  name: string;
  port: number;
  pid: number;
  tokens: Tokens;
  /** Answers 401, 403 and 422 as the contract says; the bare servers do not. */
  judges: boolean;
  ledger?: Ledger;
  stop(): Promise<void>;
}

export const SERVER_CORE = 0;
/** Of PostgreSQL and the generator. */
export const OTHER_CORE = 1;

/** All threads of a process, and what it starts later. Where `taskset` is missing nothing is pinned: the ratios hold, the spread grows. */
export function pin(pid: number, core: number): void {
  spawnSync('taskset', ['-acp', String(core), String(pid)], { stdio: 'ignore' });
}

export interface Start {
  name: string;
  command: string;
  args: readonly string[];
  environment: NodeJS.ProcessEnv;
  port: number;
  /** A file for stdout and stderr: every side pays for the same kind of sink. */
  log: string;
}

/** However the bench ends, its servers end with it. */
const running = new Set<ChildProcess>();
function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
}

const START_MILLIS = 60_000;

/** Starts a server and waits until its port answers. @throws Error with its last words when it does not within a minute */
export async function startServer({ name, command, args, environment, port, log }: Start): Promise<{ pid: number; stop(): Promise<void> }> {
  const output = openSync(log, 'a');
  const child = spawn(command, args, { stdio: ['ignore', output, output], env: environment });
  closeSync(output);
  process.removeListener('exit', killAll).once('exit', killAll);
  running.add(child);
  child.once('exit', () => running.delete(child));
  let fault: Error | undefined;
  child.on('error', (error) => {
    fault = error;
  });
  for (const end = Date.now() + START_MILLIS; !(await answers(port)); await pause(50)) {
    if (fault === undefined && child.exitCode === null && Date.now() < end) continue;
    child.kill('SIGKILL');
    throw new Error(`${name} did not start: ${fault?.message ?? (await readFile(log, 'utf8')).slice(-2000)}`);
  }
  return { pid: child.pid ?? 0, stop: () => ended(child) };
}

/** Any answer at all. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, path: '/', timeout: 2000 }, (response) => {
      response.resume();
      resolve(true);
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(false));
    asked.end();
  });
}

const PATIENCE_MILLIS = 10_000;

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MILLIS);
  await exited;
  clearTimeout(late);
}
