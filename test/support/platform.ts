import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../src/platform/ports.ts';
import { type ClientCredentials, PlatformClient } from '../../src/simulator/client.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

interface DemoCredentials {
  issuer: string;
  token_endpoint: string;
  audience: string;
  users: { username: string; password: string; roles: string[]; site: string }[];
  clients: (ClientCredentials & { scopes: string[] })[];
}

/** A real platform in a process of its own, on a real port and a data directory of its own. */
export interface RunningPlatform {
  readonly url: string;
  readonly dataDir: string;
  readonly credentials: DemoCredentials;
  readonly process: ChildProcess;
  /** Milliseconds from the start of the process to its `ready` line. */
  readonly readyMillis: number;
  /** What it logged so far. */
  log(): Promise<string>;
  /** A station's (or other client's) way in; `signal` ends its tries. */
  station(id?: string, signal?: AbortSignal): PlatformClient;
  /** An access token of a person, through the real sign-in. */
  tokenOf(username: string): Promise<string>;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface PlatformOptions {
  demo?: boolean;
  dataDir?: string;
  environment?: Record<string, string>;
  /** Data directory of the program that gives the tokens, where this one does not. */
  signedInBy?: string;
  /** Runs under this host name, as on a machine of its own (Linux, root: a namespace of `unshare`). */
  host?: string;
}

/** The same process number, under another host name. */
const underHost = (host: string, command: readonly string[]): string[] => [
  'unshare',
  '--uts',
  'sh',
  '-c',
  'hostname "$0" && exec "$@"',
  host,
  ...command,
];

/** Waits for the `ready` line in the log: a file, so that a chatty platform costs its test nothing. */
async function announced(child: ChildProcess, logFile: string): Promise<string> {
  const until = Date.now() + 60_000;
  for (;;) {
    const text = await readFile(logFile, 'utf8');
    const found = /^ready (\S+)$/m.exec(text);
    if (found) return found[1] as string;
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`left with ${child.exitCode ?? child.signalCode} before it was ready:\n${text.slice(-4000)}`);
    if (Date.now() > until) {
      child.kill('SIGKILL');
      throw new Error(`not ready within 60 s:\n${text.slice(-4000)}`);
    }
    await pause(20);
  }
}

/** Starts `node src/main.ts serve` and waits for `ready`; with `t`, stops it and removes its data at the end of the test. */
export async function startPlatform(
  t: { after(fn: () => Promise<void>): void } | null,
  options: PlatformOptions = {},
): Promise<RunningPlatform> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'cqp-')));
  const port = Number(options.environment?.PORT ?? (await freePort()));
  const began = performance.now();
  const logFile = join(await mkdtemp(join(tmpdir(), 'cqp-log-')), 'platform.log');
  const output = openSync(logFile, 'a');
  const command = [process.execPath, main, 'serve'];
  const [program = '', ...args] = options.host === undefined ? command : underHost(options.host, command);
  const child = spawn(program, args, {
    stdio: ['ignore', output, output],
    env: {
      ...process.env,
      NODE_ENV: 'test',
      CQP_DEMO: options.demo ? 'on' : 'off',
      CQP_DATA_DIR: dataDir,
      CQP_PARENT: String(process.pid),
      PORT: String(port),
      LOG_LEVEL: 'warn',
      ...options.environment,
    },
  });
  closeSync(output);
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const url = await announced(child, logFile);
  const readyMillis = performance.now() - began;
  // An outside provider has the accounts.
  const credentials = (
    options.environment?.OIDC_ISSUER === undefined
      ? JSON.parse(await readFile(join(options.signedInBy ?? dataDir, 'demo-credentials.json'), 'utf8'))
      : { issuer: options.environment.OIDC_ISSUER, token_endpoint: '', audience: '', users: [], clients: [] }
  ) as DemoCredentials;
  const platform: RunningPlatform = {
    url,
    dataDir,
    credentials,
    process: child,
    readyMillis,
    log: () => readFile(logFile, 'utf8'),
    station(id = 'AOI-HH-1', signal) {
      const client = credentials.clients.find((one) => one.station_id === id || one.client_id === id);
      if (!client) throw new Error(`no client ${id}`);
      return new PlatformClient({ url, tokenEndpoint: credentials.token_endpoint, client, ...(signal ? { signal } : {}) });
    },
    async tokenOf(username) {
      const printed = await runCommand(['token', '--user', username], { CQP_DATA_DIR: options.signedInBy ?? dataDir });
      return printed.trim();
    },
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return exited;
    },
  };
  t?.after(async () => {
    await platform.stop();
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
  });
  return platform;
}

/** Runs a command of the program to its end; rejects with what it wrote when it fails. */
export function runCommand(args: string[], environment: Record<string, string> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.on('exit', (code) => (code === 0 ? resolve(out) : reject(new Error(`${args.join(' ')} left with ${code}: ${err || out}`))));
  });
}

/** Live and ready, now or a second later: one look has 1.5 s, and a machine may stand still for that long. */
export async function staysUp(url: string): Promise<boolean> {
  const isUp = async () => (await fetch(`${url}/health/ready`)).ok && (await fetch(`${url}/health/live`)).ok;
  if (await isUp()) return true;
  await pause(1000);
  return await isUp();
}
