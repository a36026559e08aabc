import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Counter } from '@prometheus-io/client';
import type { Config } from './config.ts';
import type { Blobs } from './platform/blob/blobs.ts';
import { openDiskBlobs } from './platform/blob/disk.ts';
import type { Bus } from './platform/bus/bus.ts';
import { type Feed, openFeed } from './platform/bus/feed.ts';
import { type KafkaAddress, type KafkaNames, kafkaNames } from './platform/bus/kafka/names.ts';
import { type PostgresBusOptions, postgresBus } from './platform/bus/postgres-bus.ts';
import { openTail } from './platform/bus/tail.ts';
import { type Database, type DatabaseAddress, openDatabase } from './platform/db/database.ts';
import { type Door, openDoor } from './platform/db/door.ts';
import { type Embedded, startEmbedded } from './platform/db/embedded/embedded.ts';
import { startMaintenance } from './platform/db/maintenance.ts';
import { checkMigrated, migrate } from './platform/db/migrate.ts';
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

/** The given server, or the embedded one, which is started here and ended by `stop`. */
export async function openServer(
  config: Config,
  log: Log,
): Promise<{ address: DatabaseAddress; embedded: Embedded | null; stop(): Promise<void> }> {
  if (config.databaseUrl !== null) return { address: { url: config.databaseUrl }, embedded: null, stop: async () => undefined };
  const embedded = await startEmbedded({
    dataDir: config.dataDir,
    log: { info: (message) => log.info({}, message), warn: (message) => log.warn({}, message) },
  });
  return { address: embedded.address, embedded, stop: () => embedded.stop() };
}

/** Where the brokers are and how topics are called; null without brokers. */
export function kafkaOf(config: Config): { address: KafkaAddress; names: KafkaNames; replication: number | null } | null {
  if (config.KAFKA_BROKERS === null || config.KAFKA_BROKERS.length === 0) return null;
  const address = { brokers: config.KAFKA_BROKERS, clientId: config.SERVICE_NAME };
  return { address, names: kafkaNames(config.KAFKA_TOPIC_PREFIX), replication: config.KAFKA_REPLICATION };
}

/** The client of the brokers is loaded where there are some: it takes half a second and memory. */
async function openBus(config: Config, ground: PostgresBusOptions): Promise<Bus> {
  const kafka = kafkaOf(config);
  if (kafka === null) return postgresBus(ground);
  const { kafkaBus } = await import('./platform/bus/kafka/kafka-bus.ts');
  return kafkaBus({ ...ground, ...kafka });
}

/** Opens database, door, bus and files. The embedded database is migrated here; a given one by the `migrate` command, and checked here. */
export async function openInfrastructure(config: Config, log: Log, metrics: Metrics): Promise<Infrastructure> {
  const server = await openServer(config, log);
  const opened: (() => Promise<void>)[] = [server.stop];
  try {
    const schema = { ...server.address, folder: MIGRATIONS, log: { info: (message: string) => log.info({}, message) } };
    await (server.embedded ? migrate(schema) : checkMigrated(schema));
    const db = openDatabase({
      ...server.address,
      poolSize: config.DB_POOL_SIZE,
      overflow: config.DB_MAX_OVERFLOW,
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
    const bus = await openBus(config, { db, door, tail, log, observe: (group, _event, outcome) => handled.inc({ group, outcome }) });
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
