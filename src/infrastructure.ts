import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Counter } from '@prometheus-io/client';
import type { Config } from './config.ts';
import type { Blobs } from './platform/blob/blobs.ts';
import { openDiskBlobs } from './platform/blob/disk.ts';
import type { Bus } from './platform/bus/bus.ts';
import { type Feed, openFeed } from './platform/bus/feed.ts';
import { postgresBus } from './platform/bus/postgres-bus.ts';
import { openTail } from './platform/bus/tail.ts';
import { type Database, type DatabaseAddress, openDatabase } from './platform/db/database.ts';
import { type Door, openDoor } from './platform/db/door.ts';
import { type Embedded, startEmbedded } from './platform/db/embedded/embedded.ts';
import { startMaintenance } from './platform/db/maintenance.ts';
import { checkMigrated, migrate } from './platform/db/migrate.ts';
import { poolBudget } from './platform/db/pool-budget.ts';
import type { Log } from './platform/telemetry/log.ts';
import type { Metrics } from './platform/telemetry/metrics.ts';

export const MIGRATIONS = fileURLToPath(new URL('../migrations', import.meta.url));

/** What every slice stands on, and the order in which it ends. */
export interface Infrastructure {
  readonly db: Database;
  readonly door: Door;
  readonly bus: Bus;
  readonly feed: Feed;
  readonly blobs: Blobs;
  close(): Promise<void>;
}

/** Connections that the embedded server lets in beside those of the pools: the superuser, migrations, a probe a process. */
const CONNECTIONS = { least: 80, beside: 24, aProbe: 1 };

/** The given server, or the embedded one, which is started here and ended by `stop`. */
export async function openServer(
  config: Config,
  log: Log,
): Promise<{ address: DatabaseAddress; embedded: Embedded | null; stop(): Promise<void> }> {
  if (config.databaseUrl !== null) return { address: { url: config.databaseUrl }, embedded: null, stop: async () => undefined };
  const pool = budgetOf(config);
  const wanted = config.workers * (pool.poolSize + pool.overflow + CONNECTIONS.aProbe) + CONNECTIONS.beside;
  const embedded = await startEmbedded({
    dataDir: config.dataDir,
    settings: { max_connections: String(Math.max(CONNECTIONS.least, wanted)) },
    log: { info: (message) => log.info({}, message), warn: (message) => log.warn({}, message) },
  });
  return { address: embedded.address, embedded, stop: () => embedded.stop() };
}

/** The part of the program's connections that one of its processes may have. */
export const budgetOf = (config: Config): { poolSize: number; overflow: number } =>
  poolBudget({ poolSize: config.DB_POOL_SIZE, overflow: config.DB_MAX_OVERFLOW, workers: config.workers });

/** A server whose schema is at this version. The embedded database is migrated here; a given one by the `migrate` command, and checked here. */
export async function openMigrated(config: Config, log: Log): Promise<{ address: DatabaseAddress; stop(): Promise<void> }> {
  const server = await openServer(config, log);
  try {
    const schema = { ...server.address, folder: MIGRATIONS, log: { info: (message: string) => log.info({}, message) } };
    await (server.embedded ? migrate(schema) : checkMigrated(schema));
    return server;
  } catch (error) {
    await server.stop().catch(() => undefined);
    throw error;
  }
}

/** Opens database, door, bus and files; `at` is a server that another process of this program has opened. */
export async function openInfrastructure(config: Config, log: Log, metrics: Metrics, at?: DatabaseAddress): Promise<Infrastructure> {
  const server = at === undefined ? await openMigrated(config, log) : { address: at, stop: async () => undefined };
  const opened: (() => Promise<void>)[] = [server.stop];
  try {
    const db = openDatabase({
      ...server.address,
      ...budgetOf(config),
      statementTimeoutMs: config.DB_STATEMENT_TIMEOUT,
      connectTimeoutMs: config.DB_CONNECT_TIMEOUT,
      recycleMs: config.DB_POOL_RECYCLE,
      applicationName: config.SERVICE_NAME,
      log,
    });
    opened.push(() => db.close());
    const tail = openTail({ db, log });
    const door = openDoor({ db, source: config.SERVICE_NAME, wake: () => tail.wake() });
    const feed = openFeed({ db, tail, log });
    const handled = metrics.add(
      (registers) =>
        new Counter({
          name: 'bus_events_total',
          help: 'Events handled, by consumer group and outcome',
          labelNames: ['group', 'outcome'] as const,
          registers,
        }),
    );
    const bus = postgresBus({ db, door, tail, log, observe: (group, _event, outcome) => handled.inc({ group, outcome }) });
    const maintenance = startMaintenance(db, log);
    opened.push(() => maintenance.stop());
    const blobs = await openDiskBlobs({ folder: join(config.dataDir, 'blobs'), minFreePercent: config.STORAGE_MIN_FREE });
    metrics.onScrape(async () => {
      metrics.databasePool.set({ state: 'total' }, db.pool.totalCount);
      metrics.databasePool.set({ state: 'idle' }, db.pool.idleCount);
      metrics.databasePool.set({ state: 'waiting' }, db.pool.waitingCount);
      for (const lag of await bus.lag()) {
        metrics.busLag.set({ group: lag.group }, lag.seconds);
        metrics.busParked.set({ group: lag.group }, lag.parked);
      }
    });
    return {
      db,
      door,
      bus,
      feed,
      blobs,
      async close() {
        for (const close of opened.reverse()) await close();
      },
    };
  } catch (error) {
    for (const close of opened.reverse()) await close().catch(() => undefined);
    throw error;
  }
}
