import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbedded } from '../../src/platform/db/embedded/embedded.ts';
import { OTHER_CORE, pin } from './side.ts';

/**
 * Equal for all: one server, a database each, durable (fsync and synchronous_commit are on), over its unix socket. Checkpoints come between the runs and
 * not within them.
 */
const SETTINGS = {
  shared_buffers: '512MB',
  max_wal_size: '8GB',
  checkpoint_timeout: '60min',
  max_connections: '600',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
};

export interface BenchDatabase {
  /** Makes a database and answers its URL: as Node's client reads a socket's folder, and as Python's do. */
  create(name: string, ddl?: string): Promise<{ url: string; pythonUrl: string }>;
  query<Row extends pg.QueryResultRow>(database: string, text: string, values?: unknown[]): Promise<Row[]>;
  checkpoint(): Promise<void>;
  stop(): Promise<void>;
  version: string;
}

export async function startPostgres(folder: string): Promise<BenchDatabase> {
  const server = await startEmbedded({ dataDir: folder, settings: SETTINGS });
  const { host, port, user } = server.admin;
  const clients = new Map<string, pg.Client>();

  async function client(database: string): Promise<pg.Client> {
    const known = clients.get(database);
    if (known) return known;
    const made = new pg.Client({ ...server.admin, database });
    await made.connect();
    clients.set(database, made);
    return made;
  }
  const query = async <Row extends pg.QueryResultRow>(database: string, text: string, values?: unknown[]) =>
    (await (await client(database)).query<Row>(text, values)).rows;

  const [{ version } = { version: '' }] = await query<{ version: string }>(
    'postgres',
    "select current_setting('server_version') as version",
  );
  const [{ data } = { data: '' }] = await query<{ data: string }>('postgres', 'select current_setting($1) as data', ['data_directory']);
  pin(Number((await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n')[0]), OTHER_CORE);
  let making: Promise<unknown> = Promise.resolve();
  return {
    version,
    query,
    async create(name, ddl) {
      // One after the other: each copies the same template.
      const mine = making.then(() => query('postgres', `create database ${name}`));
      making = mine.catch(() => {});
      await mine;
      if (ddl !== undefined) await (await client(name)).query(ddl);
      const place = encodeURIComponent(host);
      return {
        url: `postgresql://${user}@localhost:${port}/${name}?host=${place}`,
        pythonUrl: `postgresql://${user}@/${name}?host=${place}&port=${port}`,
      };
    },
    async checkpoint() {
      await query('postgres', 'checkpoint');
    },
    async stop() {
      for (const each of clients.values()) await each.end();
      await server.stop();
    },
  };
}
