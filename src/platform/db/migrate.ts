import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { addressOf, type DatabaseAddress } from './database.ts';
import { adoptEvents, isOfOtherServer } from './other-server.ts';
import { useTimescale } from './timescale.ts';

export interface Migration {
  number: number;
  name: string;
  sha256: string;
  sql: string;
}

/** The database and the program do not fit together; the message says which is the older one and what to do. */
export class MigrationRefused extends Error {
  override readonly name = 'MigrationRefused';
}

/** The server takes no connection: it is away, or does not know who asks. */
class DatabaseAway extends Error {
  override readonly name = 'DatabaseAway';
}

const FILE = /^(\d{4})_([a-z0-9_]+)\.sql$/;
/** Any constant will do: the lock that keeps two starting programs from migrating at once. */
const LOCK = 7_226_013_001;

/** The numbered files of a folder in their order. @throws MigrationRefused for a wrong name or a number used twice */
export async function readMigrations(folder: string): Promise<Migration[]> {
  const migrations: Migration[] = [];
  for (const file of (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()) {
    const match = FILE.exec(file);
    if (!match) throw new MigrationRefused(`${file}: a migration is named 0001_words.sql`);
    const sql = (await readFile(join(folder, file), 'utf8')).replaceAll('\r\n', '\n');
    const number = Number(match[1]);
    if (migrations.at(-1)?.number === number) throw new MigrationRefused(`${file}: the number ${match[1]} is used twice`);
    migrations.push({ number, name: match[2] ?? '', sha256: createHash('sha256').update(sql).digest('hex'), sql });
  }
  return migrations;
}

const label = (migration: { number: number; name: string }): string => `${String(migration.number).padStart(4, '0')}_${migration.name}`;

/** Which files are still to run. @throws MigrationRefused when the database is of a newer program, or a file was changed after it ran */
export function pending(files: readonly Migration[], applied: readonly Omit<Migration, 'sql'>[]): Migration[] {
  const known = new Map(files.map((file) => [file.number, file]));
  const done = new Map(applied.map((row) => [row.number, row]));
  const newest = Math.max(0, ...files.map((file) => file.number));
  for (const row of applied) {
    const file = known.get(row.number);
    if (!file && row.number > newest) {
      throw new MigrationRefused(
        `The database is newer than this program: it has ${label(row)}, the program ends at ${newest}. Start the newer program, or restore a backup made by this one`,
      );
    }
    if (!file) throw new MigrationRefused(`The database has ${label(row)}, which this program does not know`);
    if (file.sha256 !== row.sha256) {
      throw new MigrationRefused(`${label(file)}.sql was changed after it ran here: put the change into a migration of its own`);
    }
  }
  const last = Math.max(0, ...applied.map((row) => row.number));
  const open = files.filter((file) => !done.has(file.number));
  const late = open.find((file) => file.number < last);
  if (late) throw new MigrationRefused(`${label(late)}.sql is older than what already ran here (${last}): give it the next number`);
  return open;
}

const BOOK = `create schema if not exists platform;
create table if not exists platform.migration (
  number integer primary key, name text not null, sha256 text not null, applied_at timestamptz not null default now());`;

async function applied(client: pg.Client): Promise<Omit<Migration, 'sql'>[]> {
  const { rows } = await client.query("select to_regclass('platform.migration') is not null as there");
  if (!rows[0]?.there) return [];
  return (await client.query('select number, name, sha256 from platform.migration order by number')).rows;
}

async function connected<R>(options: DatabaseAddress, work: (client: pg.Client) => Promise<R>): Promise<R> {
  const client = new pg.Client({ ...addressOf(options), application_name: 'cqp-migrate', connectionTimeoutMillis: 10_000 });
  client.on('error', () => {});
  await client.connect().catch((error: Error) => {
    // Of a name with several addresses each has an error, and the whole has no words.
    const words = error.message || (error as AggregateError).errors.map(({ message }: Error) => message).join(', ');
    throw new DatabaseAway(`The database takes no connection: ${words}`, { cause: error });
  });
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

/** For a program that does not migrate by itself. @throws MigrationRefused when the database is newer or older than the files, or comes from another server */
export async function checkMigrated(options: DatabaseAddress & { folder: string }): Promise<void> {
  const files = await readMigrations(options.folder);
  const open = pending(files, await connected(options, applied));
  if (open[0])
    throw new MigrationRefused(`The database is older than this program: it lacks ${label(open[0])}. Run the migrate command first`);
  if (await connected(options, isOfOtherServer))
    throw new MigrationRefused(
      'The database was restored from another server: run the migrate command first, or new events would be read by nobody',
    );
}

/**
 * Brings a database up to the files of a folder, each in its own transaction, one program at a time (advisory lock); then hands
 * tables that are cut by time to TimescaleDB where it is there. Returns the numbers that ran.
 * @throws MigrationRefused, or the fault of a file with its name in front; the files before it stay applied
 */
export async function migrate(options: DatabaseAddress & { folder: string; log?: { info(message: string): void } }): Promise<number[]> {
  const files = await readMigrations(options.folder);
  return await connected(options, async (client) => {
    // Another program may be at it, with a large table; a lock of a table is had soon or not at all.
    await client.query("set lock_timeout = '10min'");
    await client.query('select pg_advisory_lock($1)', [LOCK]);
    await client.query("set lock_timeout = '30s'");
    const open = pending(files, await applied(client));
    for (const file of open) {
      try {
        await client.query('begin');
        await client.query(file.sql);
        if (file === open[0]) await client.query(BOOK);
        await client.query('insert into platform.migration (number, name, sha256) values ($1, $2, $3)', [
          file.number,
          file.name,
          file.sha256,
        ]);
        await client.query('commit');
      } catch (error) {
        await client.query('rollback').catch(() => {});
        if (error instanceof Error) error.message = `${label(file)}.sql: ${error.message}`;
        throw error;
      }
      options.log?.info(`migrated to ${label(file)}`);
    }
    if (await adoptEvents(client)) options.log?.info('the events were of another server: they stand before those of this one now');
    await useTimescale(client, options.log);
    return open.map((file) => file.number);
  });
}
