import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { findBinaries } from '../../src/platform/db/embedded/binaries.ts';
import { chooseIsolation, commandFor, NOBODY } from '../../src/platform/db/embedded/isolation.ts';
import { isRunning, waitGone } from '../../src/platform/db/embedded/processes.ts';
import { freePort } from '../../src/platform/ports.ts';

const run = promisify(execFile);
const READY_MS = 60_000;

export interface PostgresOptions {
  /** Folder of `initdb` and `postgres`, such as `/usr/lib/postgresql/15/bin`; the server that comes with the platform when left out. */
  programs?: string;
  /** `-c name=value` over the durable settings below. */
  settings?: Record<string, string>;
  /** For the server alone, such as `LD_PRELOAD`. */
  environment?: Record<string, string>;
  /** Where the data lies, when that matters: a volume of its own. Left in place by `remove`. */
  folder?: string;
  /** The same for the log that a commit is written to. */
  walFolder?: string;
  /** MiB of one file of the log; 16 as PostgreSQL has it. A small one reaches the end of a small volume sooner. */
  segmentMiB?: number;
  /** Starts it again, half a second after it ended without being asked, as an operator's supervisor does. */
  supervised?: boolean;
}

/** A PostgreSQL that a test may hurt: its own process tree, data and port on the loopback. Linux only. */
export interface Postgres {
  /** Database `cqp` as its owner `cqp`, who is no superuser: a `DATABASE_URL`. */
  readonly url: string;
  /** The same database as superuser, for whoever checks. */
  readonly adminUrl: string;
  readonly folder: string;
  /** Back when it answers. @throws Error with its last words after 60 s */
  start(): Promise<void>;
  /** SIGKILL to the postmaster and all its children in one go, so that no process is left that could still write; back when all are gone. */
  kill(): Promise<void>;
  /** SIGSTOP to all of them: connections stay open and nothing answers. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Fast shut-down. */
  stop(): Promise<void>;
  /** Stops it and removes its data. */
  remove(): Promise<void>;
  log(): Promise<string>;
}

/** What an acknowledged commit stands on is on, and said here so that no default of a package can change it. */
const DURABLE = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  shared_buffers: '64MB',
  max_connections: '120',
  jit: 'off',
  huge_pages: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'warning',
  log_checkpoints: 'off',
};

/** A process and its children; every process of a server is a child of its first, the postmaster. */
export async function processesOf(first: number): Promise<number[]> {
  const found = [first];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'latin1').catch(() => '');
    const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (Number(parent) === first) found.push(Number(name));
  }
  return found;
}

function send(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {}
  }
}

async function programs(folder: string | undefined, isolation: ReturnType<typeof chooseIsolation>) {
  if (folder === undefined) return findBinaries(isolation === 'nobody');
  return { initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres') };
}

async function answers(config: pg.ClientConfig, texts: readonly string[] = []): Promise<boolean> {
  const client = new pg.Client({ ...config, connectionTimeoutMillis: 2000 });
  client.on('error', () => {});
  try {
    await client.connect();
    for (const text of texts) await client.query(text);
    return true;
  } catch (error) {
    if (texts.length > 0) throw error;
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

/** Makes a cluster with a database and its owner, and starts it. */
export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const isolation = chooseIsolation();
  const { initdb, postgres } = await programs(options.programs, isolation);
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'cqp-postgres-')));
  const data = join(folder, 'data');
  const wal = options.walFolder === undefined ? undefined : join(options.walFolder, 'wal');
  await chmod(folder, 0o755);
  for (const made of [data, ...(wal === undefined ? [] : [wal])]) {
    await mkdir(made, { mode: 0o700 });
    if (isolation === 'nobody') await chown(made, NOBODY, NOBODY);
  }
  const base = { PATH: process.env.PATH ?? '', LC_ALL: 'C', TZ: 'UTC' };
  const make = commandFor(isolation, [
    initdb,
    '-D',
    data,
    '-U',
    'postgres',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--no-locale',
    ...(wal === undefined ? [] : [`--waldir=${wal}`]),
    ...(options.segmentMiB === undefined ? [] : [`--wal-segsize=${options.segmentMiB}`]),
  ]);
  await run(make.file, make.args, { ...make.ids, cwd: '/', env: base });

  const port = await freePort();
  const settings = { ...DURABLE, ...options.settings, port, listen_addresses: '127.0.0.1', unix_socket_directories: '' };
  const logFile = join(folder, 'server.log');
  const admin = { host: '127.0.0.1', port, user: 'postgres', database: 'postgres' };
  let server: ChildProcess | undefined;
  let wanted = false;

  async function launch(): Promise<void> {
    await rm(join(data, 'postmaster.pid'), { force: true });
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    // The signal comes when this process ends in whatever way: no server is left behind by a test that was killed.
    const command = commandFor(isolation, ['setpriv', '--pdeathsig', 'QUIT', postgres, '-D', data, ...flags]);
    const output = await open(logFile, 'a');
    const child = spawn(command.file, command.args, {
      ...command.ids,
      cwd: '/',
      stdio: ['ignore', output.fd, output.fd],
      env: { ...base, ...options.environment },
    });
    await output.close();
    server = child;
    child.once('exit', () => {
      if (server === child) server = undefined;
      if (wanted && options.supervised) setTimeout(() => wanted && server === undefined && void launch(), 500);
    });
  }

  const last = async () => (await readFile(logFile, 'utf8').catch(() => '')).trimEnd().split('\n').slice(-12).join('\n');

  async function start(): Promise<void> {
    wanted = true;
    if (server === undefined) await launch();
    for (const end = Date.now() + READY_MS; !(await answers(admin)); await sleep(20))
      if (Date.now() > end || (server === undefined && !options.supervised)) throw new Error(`PostgreSQL did not start:\n${await last()}`);
  }

  /** The first one stands still while we look, so that no child is born unseen; the others go on working until the moment. */
  async function all(signal: NodeJS.Signals): Promise<number[]> {
    if (server?.pid === undefined) return [];
    send([server.pid], 'SIGSTOP');
    const pids = await processesOf(server.pid);
    send(pids, signal);
    return pids;
  }

  async function stop(): Promise<void> {
    wanted = false;
    const pid = server?.pid;
    if (pid === undefined) return;
    await all('SIGCONT');
    send([pid], 'SIGINT');
    if (!(await waitGone(pid, 20_000))) await all('SIGKILL');
  }

  await start();
  await answers(admin, ['create role cqp login', 'create database cqp owner cqp']);
  return {
    url: `postgresql://cqp@127.0.0.1:${port}/cqp`,
    adminUrl: `postgresql://postgres@127.0.0.1:${port}/cqp`,
    folder,
    start,
    async kill() {
      wanted = false;
      for (const one of await all('SIGKILL'))
        if (!(await waitGone(one, 10_000))) throw new Error(`process ${one} of PostgreSQL does not end`);
      server = undefined;
    },
    async pause() {
      await all('SIGSTOP');
    },
    async resume() {
      await all('SIGCONT');
    },
    stop,
    async remove() {
      await stop();
      for (let tries = 0; server?.pid !== undefined && isRunning(server.pid) && tries < 250; tries += 1) await sleep(20);
      for (const made of [options.folder === undefined ? folder : data, ...(wal === undefined ? [] : [wal])])
        await rm(made, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
    log: () => readFile(logFile, 'utf8').catch(() => ''),
  };
}
