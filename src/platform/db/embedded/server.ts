import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chown, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Binaries } from './binaries.ts';
import { commandFor, type Isolation, NOBODY } from './isolation.ts';
import { isRunning, isServerOn, orphansOn, waitGone } from './processes.ts';

const run = promisify(execFile);

/**
 * The server's keeper, a shell of 1 MB: reads a pipe whose other end only the platform holds. When the platform ends in whatever way, the pipe
 * closes and the server is stopped at once (SIGINT: fast shut-down; after 20 s SIGQUIT: recovery at the next start), and its socket's folder removed.
 */
const KEEPER = `
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
trap 'kill -INT $server' INT TERM HUP
(
  while read -r line <&3; do :; done
  [ -n "$SOCKETS" ] && : >"$SOCKETS/closed"
  kill -INT $server
  n=0
  while kill -0 $server 2>/dev/null && [ $n -lt 20 ]; do sleep 1; n=$((n+1)); done
  kill -QUIT $server 2>/dev/null
) &
guard=$!
exec 3<&-
wait $server
code=$?
while kill -0 $server 2>/dev/null; do wait $server; code=$?; done
kill $guard 2>/dev/null
[ -n "$SOCKETS" ] && [ -e "$SOCKETS/closed" ] && rm -rf "$SOCKETS"
exit $code
`;

/** The same on Windows, where a signal is a plain end: pg_ctl asks the server. */
const KEEPER_WINDOWS = `
const { spawn, spawnSync } = require('node:child_process');
const [pgCtl, data, file, ...args] = process.argv.slice(1);
const server = spawn(file, args, { stdio: ['ignore', 'inherit', 'inherit'] });
server.on('exit', (code) => process.exit(code ?? 1));
process.stdin.resume();
process.stdin.on('end', () => spawnSync(pgCtl, ['-D', data, '-m', 'fast', '-w', 'stop']));
`;

/** Nothing of ours: a variable such as PGDATA or a foreign LD_LIBRARY_PATH must not reach the server. */
const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TZ: 'UTC' };

export interface ServerPlace {
  binaries: Binaries;
  isolation: Isolation;
  /** Holds `data` (PostgreSQL's own folder) and its log. */
  folder: string;
}

const dataOf = (place: ServerPlace): string => join(place.folder, 'data');

/** Makes the cluster beside its final name and moves it there whole: an initdb cut short leaves no half cluster. */
export async function makeCluster(place: ServerPlace, password?: string): Promise<boolean> {
  const data = dataOf(place);
  const version = await readFile(join(data, 'PG_VERSION'), 'utf8').catch(() => undefined);
  if (version !== undefined) {
    if (version.trim() === '18') return false;
    throw new Error(
      `The data directory was made by PostgreSQL ${version.trim()}; the embedded server is 18: export with the older platform, then import`,
    );
  }
  const partial = `${data}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { mode: 0o700 });
  if (place.isolation === 'nobody') await chown(partial, NOBODY, NOBODY);
  const secret = join(place.folder, 'password.tmp');
  const access = password === undefined ? ['-A', 'trust'] : ['-A', 'scram-sha-256', `--pwfile=${secret}`];
  if (password !== undefined) await writeFile(secret, password, { mode: 0o600 });
  const { file, args, ids } = commandFor(place.isolation, [
    place.binaries.initdb,
    '-D',
    partial,
    '-U',
    'postgres',
    '-E',
    'UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    ...access,
  ]);
  try {
    await run(file, args, { ...ids, cwd: '/', ...(process.platform === 'win32' ? {} : { env: ENVIRONMENT }) });
  } finally {
    await rm(secret, { force: true });
  }
  await rename(partial, data);
  return true;
}

/** A server that outlived its platform, and what outlived that: ended before a new one starts on its files. @returns whether there was any */
export async function endLeftOver(place: ServerPlace): Promise<boolean> {
  const wasServer = await endServer(place);
  return (await endOrphans(dataOf(place))) || wasServer;
}

async function endOrphans(data: string): Promise<boolean> {
  const left = orphansOn(data);
  for (const pid of left) kill(pid, 'SIGKILL');
  for (const pid of left)
    if (!(await waitGone(pid, 5_000))) throw new Error(`A process of PostgreSQL (${pid}) holds ${data} and does not end`);
  return left.length > 0;
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It left by itself.
  }
}

async function endServer(place: ServerPlace): Promise<boolean> {
  const data = dataOf(place);
  const file = join(data, 'postmaster.pid');
  const pid = Number((await readFile(file, 'utf8').catch(() => '')).split('\n')[0]);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  if (!isRunning(pid) || !isServerOn(pid, data)) {
    // After a restart of the machine the number may belong to anyone, and PostgreSQL would refuse to start because of it.
    await rm(file, { force: true });
    return false;
  }
  if (process.platform === 'win32') {
    await run(place.binaries.pgCtl, ['-D', data, '-m', 'fast', '-w', 'stop']).catch(() => {});
    return true;
  }
  for (const [signal, limit] of [
    ['SIGINT', 10_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ] as const) {
    kill(pid, signal);
    if (await waitGone(pid, limit)) return true;
  }
  throw new Error(`A PostgreSQL server (process ${pid}) holds ${data} and does not end`);
}

/** Starts the server under its keeper. It writes to `server.log`, of which one older part is kept. */
export async function launch(place: ServerPlace, settings: Record<string, string>): Promise<ChildProcess> {
  const data = dataOf(place);
  const log = join(place.folder, 'server.log');
  if (((await stat(log).catch(() => undefined))?.size ?? 0) > 5_000_000) await rename(log, `${log}.1`);
  const output = await open(log, 'a', 0o600);
  const server = [place.binaries.postgres, '-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const windows = process.platform === 'win32';
  const keeper = windows
    ? [process.execPath, '-e', KEEPER_WINDOWS, place.binaries.pgCtl, data, ...server]
    : ['sh', '-c', KEEPER, 'postgres-keeper', ...server];
  const { file, args, ids } = commandFor(place.isolation, keeper);
  const child = spawn(file, args, {
    ...ids,
    cwd: windows ? place.folder : '/',
    // Its own session: Ctrl-C in the platform's terminal must not stop the database before the platform has finished.
    detached: !windows,
    windowsHide: true,
    stdio: ['pipe', output.fd, output.fd],
    ...(windows ? {} : { env: { ...ENVIRONMENT, SOCKETS: settings.unix_socket_directories ?? '' } }),
  });
  child.stdin?.on('error', () => {});
  child.unref();
  (child.stdin as unknown as { unref?(): void } | null)?.unref?.();
  await output.close();
  return child;
}

export async function logTail(place: ServerPlace): Promise<string> {
  const text = await readFile(join(place.folder, 'server.log'), 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-8).join('\n');
}
