import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { type Database, type DatabaseOptions, openDatabase } from '../../src/platform/db/database.ts';
import { type Door, openDoor } from '../../src/platform/db/door.ts';
import { migrate, readMigrations } from '../../src/platform/db/migrate.ts';
import { readAddress, testServerFolder } from './test-server.ts';

export interface TestDatabase {
  db: Database;
  door: Door;
  /** For whatever takes a `DATABASE_URL`. */
  url: string;
  /** A second pool on the same database, closed with it. */
  open(options?: DatabaseOptions): Database;
  /** For bus and feed: what the door should wake after a commit. */
  onCommit(wake: () => void): void;
}

const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url));

/** `TEST_DATABASE_URL` names another server, whose user may create databases; its own database is left alone. */
function urlOf(config: pg.ClientConfig, database: string): string {
  if (config.connectionString !== undefined) {
    const url = new URL(config.connectionString);
    url.pathname = `/${database}`;
    return url.href;
  }
  const login = config.password === undefined ? config.user : `${config.user}:${encodeURIComponent(String(config.password))}`;
  return config.host?.startsWith('/')
    ? `postgresql://${login}@localhost:${config.port}/${database}?host=${encodeURIComponent(config.host)}`
    : `postgresql://${login}@${config.host}:${config.port}/${database}`;
}

let present: pg.Client | undefined;
let server: Promise<pg.ClientConfig> | undefined;

/** Connects and stays connected: the shared server counts its visitors. */
async function visit(config: pg.ClientConfig): Promise<boolean> {
  const client = new pg.Client({ ...config, application_name: 'cqp-test' });
  client.on('error', () => {
    server = undefined;
  });
  try {
    await client.connect();
  } catch {
    return false;
  }
  present = client;
  (client as unknown as { unref(): void }).unref();
  return true;
}

async function findServer(): Promise<pg.ClientConfig> {
  if (process.env.TEST_DATABASE_URL) return { connectionString: process.env.TEST_DATABASE_URL };
  const folder = testServerFolder();
  let asked = 0;
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(30)) {
    const known = await readAddress(folder);
    if (known && (await visit({ ...known.address, database: 'cqp' }))) {
      if (await readAddress(folder)) return known.address;
      await present?.end();
    }
    if (Date.now() - asked < 5_000) continue;
    asked = Date.now();
    const keeper = fileURLToPath(new URL('./test-server.ts', import.meta.url));
    spawn(process.execPath, [keeper], { detached: true, stdio: 'ignore', env: { PATH: process.env.PATH ?? '' } }).unref();
  }
  throw new Error(`The test server did not start: see ${folder}/cluster/server.log`);
}

const templates = new Map<string, Promise<void>>();

/** Migrated once for each state of the migrations, by whichever process comes first. */
async function makeTemplate(config: pg.ClientConfig, name: string): Promise<void> {
  const client = new pg.Client({ ...config, ...(config.connectionString === undefined ? { database: 'cqp' } : {}) });
  await client.connect();
  try {
    await client.query('select pg_advisory_lock(hashtext($1))', ['cqp-test-template']);
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [name]);
    if (rowCount) return;
    const draft = `${name}_draft`;
    await client.query(`drop database if exists "${draft}"`);
    await client.query(`create database "${draft}"`);
    await migrate({ url: urlOf(config, draft), folder: MIGRATIONS });
    await client.query(`alter database "${draft}" rename to "${name}"`);
  } finally {
    await client.end();
  }
}

/**
 * A migrated database of its own for a test, dropped at its end: cloned from a template on the shared embedded server, or on the server of
 * `TEST_DATABASE_URL`. Takes the test's context, or `{ after }` of node:test for a whole file.
 */
export async function testDatabase(
  t: { after(fn: () => Promise<void>): void },
  options: DatabaseOptions & { source?: string } = {},
): Promise<TestDatabase> {
  const hash = createHash('sha256');
  for (const migration of await readMigrations(MIGRATIONS)) hash.update(migration.sha256);
  const template = `tpl_${hash.digest('hex').slice(0, 12)}`;
  server ??= findServer();
  const config = await server;
  const ready = templates.get(template) ?? makeTemplate(config, template);
  templates.set(template, ready);
  await ready;
  const name = `t_${process.pid}_${randomBytes(4).toString('hex')}`;
  const admin = async (sql: string) => {
    const client = new pg.Client({ ...config, ...(config.connectionString === undefined ? { database: 'cqp' } : {}) });
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };
  await admin(`create database "${name}" template "${template}"`);
  const url = urlOf(config, name);
  const opened: Database[] = [];
  const open = (more: DatabaseOptions = {}) => {
    const database = openDatabase({ url, connectTimeoutMs: 15_000, ...options, ...more });
    opened.push(database);
    return database;
  };
  t.after(async () => {
    // A failed test may still hold a connection: the drop below ends it.
    for (const database of opened) await Promise.race([database.close(), sleep(2_000)]);
    await admin(`drop database if exists "${name}" with (force)`);
  });
  const db = open();
  const wakes = new Set<() => void>();
  const door = openDoor({ db, source: options.source ?? 'test', wake: () => wakes.forEach((wake) => void wake()) });
  return { db, door, url, open, onCommit: (wake) => void wakes.add(wake) };
}
