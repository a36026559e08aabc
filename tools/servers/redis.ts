import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../src/platform/ports.ts';

/** Where Debian puts the server, under the one name or the other; undefined when this machine has none. */
export const redisProgram = ['/usr/bin/redis-server', '/usr/bin/valkey-server'].find(existsSync);

const PASSWORD = 'limits-of-a-test';
const READY_MS = 10_000;

/** A Redis that a test may hurt: its own process, folder, password and port on the loopback. Nothing is written to its folder. */
export interface TestRedis {
  /** With its password: a `REDIS_URL`. */
  readonly url: string;
  /** Back when it listens. @throws Error after 10 s */
  start(): Promise<void>;
  /** SIGKILL; back when it is gone. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
  /** Ends it and removes its folder. */
  remove(): Promise<void>;
}

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });

export async function startRedis(): Promise<TestRedis> {
  const program = redisProgram;
  if (program === undefined) throw new Error('no redis-server found (Debian: apt-get install redis-server)');
  const folder = await mkdtemp(join(tmpdir(), 'cqp-redis-'));
  const port = await freePort();
  let child: ChildProcess | null = null;
  const bury = () => child?.kill('SIGKILL');
  process.once('exit', bury);

  async function start(): Promise<void> {
    const options = ['--port', String(port), '--bind', '127.0.0.1', '--requirepass', PASSWORD, '--save', '', '--dir', folder];
    child = spawn(program as string, options, { stdio: 'ignore', env: { LC_ALL: 'C' } });
    for (const until = Date.now() + READY_MS; !(await listens(port)); await sleep(20))
      if (Date.now() > until || child.exitCode !== null) throw new Error('Redis did not start');
  }
  async function kill(): Promise<void> {
    if (child === null) return;
    const gone = new Promise((resolve) => child?.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    child = null;
  }
  await start();
  return {
    url: `redis://:${PASSWORD}@127.0.0.1:${port}`,
    start,
    kill,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async remove() {
      process.removeListener('exit', bury);
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
