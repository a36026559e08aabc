import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { freePort } from '../../ports.ts';
import type { DatabaseAddress } from '../database.ts';
import { findBinaries } from './binaries.ts';
import { lockFolder, socketsOf } from './folder-lock.ts';
import { chooseIsolation, clusterFolder, type Isolation, NOBODY } from './isolation.ts';
import { endLeftOver, launch, logTail, makeCluster, type ServerPlace } from './server.ts';

export { FolderInUse } from './folder-lock.ts';

export interface EmbeddedOptions {
  /** Holds the cluster, its log and the lock; made when missing. */
  dataDir: string;
  log?: { info(message: string): void; warn(message: string): void };
  /** More `-c name=value` settings; the tests turn fsync off. */
  settings?: Record<string, string>;
  /** Found out when left out; given by tests. */
  isolation?: Isolation;
}

export interface Embedded {
  /** Database `cqp` as role `cqp`, which owns it and is no superuser. */
  readonly address: Required<Pick<DatabaseAddress, 'host' | 'port' | 'user' | 'database'>> & { password?: string };
  /** The superuser, for making databases. */
  readonly admin: Embedded['address'];
  /** Ends the server (fast shut-down) and gives the folder back. */
  stop(): Promise<void>;
}

const LOCK = 'platform.lock';

/** A laptop's: small memory, durable, no parallel workers. About 26 MB resident when idle. */
const SETTINGS: Record<string, string> = {
  shared_buffers: '64MB',
  max_connections: '80',
  fsync: 'on',
  synchronous_commit: 'on',
  jit: 'off',
  max_parallel_workers_per_gather: '0',
  max_wal_size: '512MB',
  io_method: 'sync',
  huge_pages: 'off',
  log_min_messages: 'warning',
  log_checkpoints: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/** A private folder whose path is short enough for a unix socket: 107 bytes on Linux, 103 on macOS. */
async function socketFolder(isolation: Isolation): Promise<string> {
  const base = Buffer.byteLength(tmpdir()) > 60 ? '/tmp' : tmpdir();
  const folder = await mkdtemp(join(base, 'cqp-'));
  if (isolation === 'nobody') await chown(folder, NOBODY, NOBODY);
  return folder;
}

/** The server of a platform that runs on the folder, for commands beside it; null where none runs, or it has no sockets (Windows). */
export async function runningAddress(dataDir: string): Promise<Embedded['address'] | null> {
  const host = await socketsOf(join(dataDir, LOCK));
  return host === null ? null : { host, port: 5432, user: 'cqp', database: 'cqp' };
}

/** Whoever watches over a server writes into the folder when its platform is gone: that may be this moment. */
const removeSockets = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });

async function rememberedPassword(file: string): Promise<string> {
  const known = await readFile(file, 'utf8').catch(() => undefined);
  if (known) return known;
  const made = randomBytes(24).toString('base64url');
  await writeFile(file, made, { mode: 0o600 });
  return made;
}

/** First start only: the database and its owner. */
async function prepare(admin: pg.ClientConfig, password?: string): Promise<void> {
  const client = new pg.Client(admin);
  await client.connect();
  try {
    const { rows } = await client.query(
      "select (select 1 from pg_roles where rolname = 'cqp') role, (select 1 from pg_database where datname = 'cqp') db",
    );
    if (!rows[0]?.role)
      await client.query(`create role cqp login${password === undefined ? '' : ` password ${client.escapeLiteral(password)}`}`);
    if (!rows[0]?.db) await client.query('create database cqp owner cqp');
  } finally {
    await client.end();
  }
}

/**
 * A real PostgreSQL 18 in the platform's own folder. It listens on a unix socket in a private folder (TCP with a password on Windows), ends with
 * the platform however that ends, and is started again when it dies alone.
 * @throws FolderInUse when another platform has the folder; Error with the server's last words when it does not start within 60 s
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const windows = process.platform === 'win32';
  await mkdir(options.dataDir, { recursive: true, mode: 0o700 });
  const dataDir = await realpath(options.dataDir);
  const lock = await lockFolder(join(dataDir, LOCK));
  let sockets: string | undefined;
  try {
    if (lock.previous?.socketFolder) await removeSockets(lock.previous.socketFolder);
    const isolation = options.isolation ?? chooseIsolation();
    const place: ServerPlace = {
      binaries: await findBinaries(isolation === 'nobody'),
      isolation,
      folder: await clusterFolder(isolation, dataDir),
    };
    const password = windows ? await rememberedPassword(join(dataDir, 'database-password')) : undefined;
    if (await endLeftOver(place)) options.log?.warn('a database server of an earlier platform was still running: it was ended');
    const fresh = await makeCluster(place, password);
    sockets = windows ? undefined : await socketFolder(isolation);
    const port = windows ? await freePort() : 5432;
    if (sockets) await lock.note({ socketFolder: sockets });
    const admin = {
      host: sockets ?? '127.0.0.1',
      port,
      user: 'postgres',
      database: 'postgres',
      ...(password === undefined ? {} : { password }),
    };
    const settings = {
      ...SETTINGS,
      port: String(port),
      listen_addresses: windows ? '127.0.0.1' : '',
      unix_socket_directories: sockets ?? '',
      unix_socket_permissions: '0700',
      ...options.settings,
    };
    const running = keepRunning(place, settings, admin, options.log);
    try {
      await running.ready;
      if (fresh || !(await answers({ ...admin, user: 'cqp', database: 'cqp' }))) await prepare(admin, password);
    } catch (error) {
      await running.stop();
      throw error;
    }
    return {
      address: { ...admin, user: 'cqp', database: 'cqp' },
      admin,
      async stop() {
        await running.stop();
        if (sockets) await removeSockets(sockets);
        await lock.release();
      },
    };
  } catch (error) {
    if (sockets) await removeSockets(sockets);
    await lock.release();
    throw error;
  }
}

async function answers(config: pg.ClientConfig): Promise<boolean> {
  const client = new pg.Client({ ...config, connectionTimeoutMillis: 5000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    return false;
  }
}

/** Starts the server, and again whenever it ends without being asked to, until `stop`. */
function keepRunning(place: ServerPlace, settings: Record<string, string>, admin: pg.ClientConfig, log: EmbeddedOptions['log']) {
  let stopping = false;
  let child: ChildProcess | undefined;
  let exited: Promise<void> = Promise.resolve();

  async function start(limitMs: number): Promise<void> {
    const began = await launch(place, settings);
    child = began;
    let over = false;
    exited = new Promise((resolve) => {
      const finish = () => {
        over = true;
        resolve();
      };
      began.once('exit', finish);
      began.once('error', finish);
    });
    const end = Date.now() + limitMs;
    while (!(await answers(admin))) {
      if (over || Date.now() > end) throw new Error(`The embedded PostgreSQL did not start:\n${await logTail(place)}`);
      await sleep(10);
    }
  }

  async function revive(): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      await exited;
      if (stopping) return;
      log?.warn('the database server ended unexpectedly: starting it again');
      await sleep(Math.min(100 * 2 ** tries, 5000));
      if (stopping) return;
      try {
        await endLeftOver(place);
        await start(60_000);
        tries = 0;
      } catch (error) {
        log?.warn(String(error));
      }
    }
  }

  const ready = start(60_000);
  ready.then(revive).catch(() => {});
  return {
    ready,
    async stop() {
      stopping = true;
      child?.stdin?.end();
      child?.stdin?.destroy();
      child?.ref();
      const late = await Promise.race([exited.then(() => false), sleep(25_000, true, { ref: false })]);
      if (late) await endLeftOver(place);
    },
  };
}
