import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Counter, Gauge } from '@prometheus-io/client';
import type { Config } from './config.ts';
import type { Blobs } from './platform/blob/blobs.ts';
import { openDiskBlobs } from './platform/blob/disk.ts';
import type { Bus } from './platform/bus/bus.ts';
import { type Feed, openFeed } from './platform/bus/feed.ts';
import { type KafkaAddress, type KafkaNames, kafkaNames } from './platform/bus/kafka/names.ts';
import { type PostgresBusOptions, postgresBus } from './platform/bus/postgres-bus.ts';
import { openTail } from './platform/bus/tail.ts';
import { type Database, type DatabaseAddress, type DatabaseOptions, openDatabase } from './platform/db/database.ts';
import { type Door, openDoor } from './platform/db/door.ts';
import { type Embedded, startEmbedded } from './platform/db/embedded/embedded.ts';
import { startMaintenance } from './platform/db/maintenance.ts';
import { checkMigrated, migrate } from './platform/db/migrate.ts';
import { poolBudget } from './platform/db/pool-budget.ts';
import { type ListReads, openReplica, primaryReads, type Replica } from './platform/db/replica.ts';
import { closeInReverse } from './platform/lifecycle.ts';
import type { RedisChannel } from './platform/shared-state/redis.ts';
import type { Log } from './platform/telemetry/log.ts';
import type { Metrics } from './platform/telemetry/metrics.ts';

export const MIGRATIONS = fileURLToPath(new URL('../migrations', import.meta.url));

/** What every slice stands on, and the order in which it ends. */
export interface Infrastructure {
  readonly db: Database;
  /** From the replica when there is one. */
  readonly lists: ListReads;
  readonly replica: Replica | null;
  readonly door: Door;
  readonly bus: Bus;
  readonly feed: Feed;
  readonly blobs: Blobs;
  /** By which machines keep their limits together; null without `REDIS_URL`. */
  readonly redis: RedisChannel | null;
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

/** Where the brokers are and how topics are called; null without brokers. */
export function kafkaOf(config: Config): { address: KafkaAddress; names: KafkaNames; replication: number | null } | null {
  if (config.KAFKA_BROKERS === null || config.KAFKA_BROKERS.length === 0) return null;
  const address = { brokers: config.KAFKA_BROKERS, clientId: config.SERVICE_NAME };
  return { address, names: kafkaNames(config.KAFKA_TOPIC_PREFIX), replication: config.KAFKA_REPLICATION };
}

/** The client of the brokers is loaded where there are some: it takes half a second and memory. */
async function openBus(config: Config, ground: PostgresBusOptions & { published(): void }): Promise<Bus> {
  const kafka = kafkaOf(config);
  if (kafka === null) return postgresBus(ground);
  const { kafkaBus } = await import('./platform/bus/kafka/kafka-bus.ts');
  return kafkaBus({ ...ground, ...kafka });
}

/** The SDK of S3 is loaded where files are kept there. */
async function openBlobs(config: Config, log: Log): Promise<Blobs> {
  const arriving = { folder: join(config.dataDir, 'blobs'), minFreePercent: config.STORAGE_MIN_FREE };
  if (config.s3 === null) return openDiskBlobs(arriving);
  const { openS3Blobs } = await import('./platform/blob/s3.ts');
  return openS3Blobs({ ...arriving, ...config.s3, log });
}

function openReadReplica(config: Config, url: string, primary: Database, pool: DatabaseOptions, log: Log, metrics: Metrics): Replica {
  const answered = metrics.add(
    (registers) =>
      new Counter({ name: 'replica_reads_total', help: 'Lists by where they were read', labelNames: ['source'] as const, registers }),
  );
  for (const source of ['replica', 'primary'] as const) answered.inc({ source }, 0);
  const lag = metrics.add(
    (registers) =>
      new Gauge({
        name: 'replica_lag_seconds',
        help: 'How far the read replica is behind; while it is away, since it was level',
        registers,
      }),
  );
  const replica = openReplica({
    primary,
    replica: { ...pool, url, statementTimeoutMs: config.DB_READ_TIMEOUT },
    maxLagMs: config.REPLICA_MAX_LAG,
    observe: (source) => answered.inc({ source }),
    log,
  });
  metrics.onScrape(() => lag.set(replica.lagMs() / 1000));
  return replica;
}

/** The part of the program's connections that one of its processes may have. */
export const budgetOf = (config: Config): { poolSize: number; overflow: number; over: number } =>
  poolBudget({ poolSize: config.DB_POOL_SIZE, overflow: config.DB_MAX_OVERFLOW }, config.workers);

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

/** The client of Redis is loaded where there is one. */
async function openRedis(config: Config, program: string, log: Log, metrics: Metrics): Promise<RedisChannel | null> {
  if (config.REDIS_URL === null) return null;
  const { openRedisChannel } = await import('./platform/shared-state/redis.ts');
  const redis = openRedisChannel({ url: config.REDIS_URL, channel: `${config.REDIS_PREFIX}:limits`, program, log });
  const up = metrics.add(
    (registers) => new Gauge({ name: 'redis_up', help: 'Whether limits are kept together with other machines (1) or not (0)', registers }),
  );
  metrics.onScrape(() => up.set(redis.fault() === null ? 1 : 0));
  return redis;
}

/** Opens database, door, bus, files and Redis. */
export async function openInfrastructure(
  config: Config,
  log: Log,
  metrics: Metrics,
  /** Of a program of several processes: its name, and the server that the first one has opened. */
  { program = randomUUID() as string, database: at = null }: { program?: string; database?: DatabaseAddress | null } = {},
): Promise<Infrastructure> {
  const server = at === null ? await openMigrated(config, log) : { address: at, stop: async () => undefined };
  const opened: (() => Promise<void>)[] = [server.stop];
  try {
    const { over, ...share } = budgetOf(config);
    if (over > 0) log.warn({ connections: over }, 'more workers than DB_POOL_SIZE and DB_MAX_OVERFLOW have connections for');
    const pool = {
      ...share,
      connectTimeoutMs: config.DB_CONNECT_TIMEOUT,
      recycleMs: config.DB_POOL_RECYCLE,
      applicationName: config.SERVICE_NAME,
      log,
    };
    const db = openDatabase({ ...server.address, ...pool, statementTimeoutMs: config.DB_STATEMENT_TIMEOUT });
    opened.push(() => db.close());
    const replica = config.DATABASE_READ_URL === null ? null : openReadReplica(config, config.DATABASE_READ_URL, db, pool, log, metrics);
    if (replica) opened.push(() => replica.close());
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
    const observe = (group: string, _event: unknown, outcome: string) => handled.inc({ group, outcome });
    const published = () => handled.inc({ group: 'relay', outcome: 'done' });
    const bus = await openBus(config, { db, door, tail, log, observe, published });
    const redis = await openRedis(config, program, log, metrics);
    if (redis) opened.push(async () => redis.close());
    const maintenance = startMaintenance(db, log);
    opened.push(() => maintenance.stop());
    const blobs = await openBlobs(config, log);
    opened.push(() => blobs.close());
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
      lists: replica?.lists ?? primaryReads(db),
      replica,
      door,
      bus,
      feed,
      blobs,
      redis,
      close: () => closeInReverse(opened),
    };
  } catch (error) {
    await closeInReverse(opened).catch(() => undefined);
    throw error;
  }
}
