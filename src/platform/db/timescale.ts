import type pg from 'pg';

/** Length of a chunk: as long as a month of plain PostgreSQL. */
const CHUNK = '30 days';

export type Edition = 'none' | 'apache' | 'timescale';
interface Told {
  info(message: string): void;
}

/** Creates the extension where the server has it and lets us; a refusal (no right, not preloaded) leaves plain PostgreSQL, which answers the same. */
async function editionOf(client: pg.ClientBase, log?: Told): Promise<Edition> {
  const { rows } = await client.query(
    "select installed_version is not null as there from pg_available_extensions where name = 'timescaledb'",
  );
  if (rows.length === 0) return 'none';
  if (!rows[0].there) {
    try {
      await client.query('create extension timescaledb');
    } catch (error) {
      log?.info(`TimescaleDB is there and cannot be used (${(error as Error).message}): plain partitions are kept`);
      return 'none';
    }
  }
  const { rows: set } = await client.query<{ license: string | null }>("select current_setting('timescaledb.license', true) as license");
  return set[0]?.license === 'timescale' ? 'timescale' : 'apache';
}

/**
 * A table in plain partitions becomes a hypertable of the same name, with its rows, constraints, indexes, triggers, and the views that stand on it.
 * One transaction: until it commits, everything is as it was.
 */
async function convert(client: pg.ClientBase, table: string, timeColumn: string): Promise<void> {
  const [schema = '', name = ''] = table.split('.');
  const plain = `${schema}.${name}_plain`;
  const texts = async (sql: string) => (await client.query<{ text: string }>(sql, [table])).rows.map((row) => row.text);
  await client.query('begin');
  try {
    await client.query(`lock table ${table} in access exclusive mode`);
    // Everything is read before the name goes to the new table: afterwards it would be told of the old one.
    const views = await texts(`select distinct format('create or replace view %s as %s', v.oid::regclass, pg_get_viewdef(v.oid)) as text
      from pg_depend d join pg_rewrite r on r.oid = d.objid join pg_class v on v.oid = r.ev_class
      where d.refobjid = $1::regclass and d.classid = 'pg_rewrite'::regclass and v.relkind = 'v'`);
    const references =
      await texts(`select format('alter table %s add constraint %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) as text
      from pg_constraint where conrelid = $1::regclass and contype = 'f' and conparentid = 0`);
    const triggers = await texts(`select pg_get_triggerdef(oid) as text from pg_trigger where tgrelid = $1::regclass and not tgisinternal`);
    const indexes = await texts(`select format('alter index %s rename to %I', indexrelid::regclass, 'plain_' || c.relname) as text
      from pg_index join pg_class c on c.oid = indexrelid where indrelid = $1::regclass`);
    const made = await texts(`select pg_get_indexdef(indexrelid) as text from pg_index where indrelid = $1::regclass and not indisprimary`);
    const keys =
      await texts(`select format('alter table %s add constraint %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) as text
      from pg_constraint where conrelid = $1::regclass and contype = 'p'`);
    for (const text of indexes) await client.query(text);
    await client.query(`alter table ${table} rename to ${name}_plain`);
    await client.query(`create table ${table} (like ${plain} including defaults including constraints)`);
    for (const text of [...keys, ...made]) await client.query(text.replace(' ON ONLY ', ' ON '));
    await client.query(
      `select create_hypertable($1::regclass, $2::name, chunk_time_interval => interval '${CHUNK}', create_default_indexes => false)`,
      [table, timeColumn],
    );
    for (const text of [...references, ...triggers]) await client.query(text);
    await client.query(`insert into ${table} select * from ${plain}`);
    for (const text of views) await client.query(text);
    await client.query(`drop table ${plain}`);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

/**
 * What `migrate` does after the files: where TimescaleDB is there, the tables of the register that allow it become hypertables, and with its community
 * edition what the register says for it is run. Idempotent: an existing database is converted by the next `migrate`, which must
 * not run beside writers of a large table (the rows are copied under a lock). Answers the edition.
 */
export async function useTimescale(client: pg.ClientBase, log?: Told): Promise<Edition> {
  const { rows: register } = await client.query("select to_regclass('platform.time_table') is not null as there");
  if (!register[0].there) return 'none';
  const edition = await editionOf(client, log);
  if (edition === 'none') return edition;
  const { rows } = await client.query<{ name: string; time_column: string; plain: boolean; community: string[] }>(
    `select name, time_column, community, (select relkind from pg_class where oid = name::regclass) = 'p' as plain from platform.time_table where hypertable`,
  );
  for (const { name, time_column, plain, community } of rows) {
    if (plain) {
      await convert(client, name, time_column);
      log?.info(`${name} is a hypertable`);
    }
    if (edition === 'timescale') for (const statement of community) await client.query(statement);
  }
  return edition;
}
