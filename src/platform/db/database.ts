import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { withDeadline } from '../telemetry/deadline.ts';
import { unavailable } from './faults.ts';
import { type Liveness, watchLiveness } from './liveness.ts';
import { resultTypes } from './result-types.ts';
import { type InFlight, WatchedClient } from './watched-client.ts';

export type Reads<T> = Kysely<T>;
export { prepared } from './watched-client.ts';

export interface Database {
  /** Checked-out clients speak plain pg: named statements, cursors. Release what you take. `query` here takes promises only. */
  readonly pool: pg.Pool;
  // biome-ignore lint/suspicious/noExplicitAny: a slice sees it through reads<its tables>()
  readonly kysely: Kysely<any>;
  close(): Promise<void>;
  /** For readiness. @throws ProblemError database_unavailable within 2 s */
  ping(): Promise<void>;
}

/** Where the server is: an address, or its parts (`host` may be the folder of a unix socket). */
export interface DatabaseAddress {
  url?: string;
  host?: string;
  port?: number;
  user?: string;
  password?: string;
  database?: string;
}

export interface DatabaseOptions extends DatabaseAddress {
  /** Connections that stay open (ADR: 20). */
  poolSize?: number;
  /** More of them under load, closed after 10 s idle (ADR: 30). */
  overflow?: number;
  /** The server ends a statement after this; 10 s. Also the limit of waiting for a lock. */
  statementTimeoutMs?: number;
  /** Connecting, and waiting for a free connection; 1.8 s, so that a caller hears within 2 s. */
  connectTimeoutMs?: number;
  applicationName?: string;
  /** Age at which a connection is replaced (ADR: 3600 s). */
  recycleMs?: number;
  log?: { warn(fields: object, message: string): void };
}

export function addressOf(options: DatabaseAddress): pg.ClientConfig {
  if (options.url !== undefined) return { connectionString: options.url };
  const { host, port, user, password, database } = options;
  return {
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(database === undefined ? {} : { database }),
  };
}

/** A connection that nobody has used for longer is asked whether it is still there: a firewall or a fail-over may have cut it without a word. */
const IDLE_ASKED_MS = 5_000;
const ASK_LIMIT_MS = 500;
/**
 * PostgreSQL's own 4 is the price of a disk that turns. With it the planner walks the primary key past everything that is not judged yet, to find the
 * newest that failed, in place of the index that holds them: 5.8 ms in place of 0.04 ms at ten million rows (docs/proofs/growth.md).
 */
const PLANNER = '-c random_page_cost=1.1';

/** Whether the other end answers. The empty statement costs the server no plan and no snapshot. */
function answers(client: pg.PoolClient): Promise<boolean> {
  return withDeadline(client.query(''), ASK_LIMIT_MS).then(
    () => true,
    () => false,
  );
}

type ConnectCallback = (error: unknown, client?: pg.PoolClient, release?: unknown) => void;

/** pg's pool that refuses at once while the database is away, and says `database_unavailable` for any failure to connect. */
class GuardedPool extends pg.Pool {
  liveness: Liveness | undefined;
  /** When a connection was last given back (`performance.now()`); one that never was is new. */
  readonly idleSince = new WeakMap<pg.PoolClient, number>();
  /** When a connection was last found dead: those that were last used before are dropped unasked, or each would cost its caller half a second. */
  suspectBefore = 0;

  guardedConnect(callback?: ConnectCallback): unknown {
    if (callback) {
      this.checkOut().then(
        (client) => callback(undefined, client, client.release),
        (error: unknown) => callback(error),
      );
      return undefined;
    }
    return this.checkOut();
  }

  /** One look at the clock for a connection in use; a dead one is dropped and the next is taken, at last a new one, which is never asked. */
  async checkOut(): Promise<pg.PoolClient> {
    const connect = pg.Pool.prototype.connect as unknown as () => Promise<pg.PoolClient>;
    for (;;) {
      if (this.liveness?.away()) throw unavailable(new Error('the last probe had no answer'));
      const client = await connect.call(this).catch((error: unknown) => {
        throw unavailable(error);
      });
      const since = this.idleSince.get(client);
      if (since === undefined || performance.now() - since < IDLE_ASKED_MS) return client;
      const asked = performance.now();
      if (since > this.suspectBefore && (await answers(client))) return client;
      this.suspectBefore = Math.max(this.suspectBefore, asked);
      client.release(true);
    }
  }

  /** pg's own drops the connection on any fault, a duplicate key included, and hands on what the socket said as it is. */
  async guardedQuery(config: unknown, values?: unknown): Promise<unknown> {
    const client = await this.connect();
    let lost = false;
    const lose = () => {
      lost = true;
    };
    client.once('error', lose);
    try {
      return await (client.query as (config: unknown, values?: unknown) => Promise<unknown>)(config, values);
    } finally {
      client.removeListener('error', lose);
      client.release(lost);
    }
  }
}
GuardedPool.prototype.query = GuardedPool.prototype.guardedQuery as unknown as pg.Pool['query'];
GuardedPool.prototype.connect = GuardedPool.prototype.guardedConnect as pg.Pool['connect'];

/**
 * A pool as the ADR asks: 20 connections and 30 more under load, renewed hourly, asked before use when they were idle for 5 s, checked when they fail
 * (a broken connection never goes back) and by `watchLiveness` when they are silent. No connection is opened before it is needed.
 */
export function openDatabase(options: DatabaseOptions): Database {
  const size = options.poolSize ?? 20;
  const statementTimeout = options.statementTimeoutMs ?? 10_000;
  const address = addressOf(options);
  const inFlight: InFlight = new Map();
  const warn = (message: string, error?: unknown) => options.log?.warn(error === undefined ? {} : { err: error }, message);
  const pool = new GuardedPool({
    ...address,
    Client: WatchedClient,
    inFlight,
    types: resultTypes,
    max: size + (options.overflow ?? 30),
    min: size,
    idleTimeoutMillis: 10_000,
    maxLifetimeSeconds: Math.ceil((options.recycleMs ?? 3_600_000) / 1000),
    connectionTimeoutMillis: options.connectTimeoutMs ?? 1800,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    statement_timeout: statementTimeout,
    lock_timeout: statementTimeout,
    idle_in_transaction_session_timeout: Math.max(statementTimeout, 10_000),
    application_name: options.applicationName ?? 'cqp',
    options: PLANNER,
  } as pg.PoolConfig);
  pool.liveness = watchLiveness(address, inFlight, (message) => warn(message));
  pool.on('error', (error) => {
    // The driver hangs the whole connection on the error, with the statements and values that it last sent: none of the log's business.
    delete (error as { client?: unknown }).client;
    warn('an idle database connection was lost', error);
  });
  pool.on('release', (_error, client) => pool.idleSince.set(client as pg.PoolClient, performance.now()));
  // Between check-out and release nobody listens: without this, a cut connection would end the process.
  pool.on('connect', (client) => client.on('error', () => {}));
  const kysely = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  let closed: Promise<void> | undefined;
  return {
    pool,
    kysely,
    close() {
      pool.liveness?.stop();
      closed ??= kysely.destroy().then(() => (pool.ending ? undefined : pool.end()));
      return closed;
    },
    async ping() {
      await pool.query('select 1');
    },
  };
}

/** A slice's view: its own tables and the views that others publish. */
export function reads<T>(db: Database): Reads<T> {
  return db.kysely as Kysely<T>;
}
