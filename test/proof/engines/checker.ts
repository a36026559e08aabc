import pg from 'pg';
import { CHECKS, COUNTS } from './checks.ts';
import type { History } from './history.ts';

export interface Fault {
  says: string;
  count: number;
  /** Some of the records. */
  of: string[];
}

export interface Checked {
  stored: number;
  events: number;
  audit: number;
  judged: number;
  faults: Fault[];
}

const PIECE = 5_000;

/** A connection of its own as superuser: what it sees is what is committed. */
export async function asking<T>(adminUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: adminUrl, statement_timeout: 300_000 });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

async function load(client: pg.Client, table: string, columns: string, rows: readonly object[]): Promise<void> {
  await client.query(`create temp table ${table} (${columns})`);
  for (let at = 0; at < rows.length; at += PIECE)
    await client.query(`insert into ${table} select * from json_populate_recordset(null::${table}, $1::json)`, [
      JSON.stringify(rows.slice(at, at + PIECE)),
    ]);
}

const sent = ({ creations }: History) =>
  creations.flatMap(({ station, site, key, items, outcome, ids, answer }, operation) =>
    items.map((item, at) => ({ operation, outcome, station, site, key, id: ids[at] ?? null, answer, ...item })),
  );

const valued = ({ measurings }: History) =>
  measurings.map(({ inspection, outcome, values, verdict }) => ({
    inspection,
    outcome,
    verdict,
    posted: [...values].sort((one, other) => (one.characteristic < other.characteristic ? -1 : 1)),
  }));

/** Lays what the clients know and what an independent reader heard beside the tables, for `check` on the same connection. */
export async function layBeside(client: pg.Client, history: History, heard: readonly string[]): Promise<void> {
  await client.query('set default_statistics_target = 20; set enable_nestloop = off; set work_mem = 256000');
  await load(
    client,
    'sent',
    'operation int, outcome text, station text, site text, key text, id uuid, answer jsonb, lot_id text, chip_id text, inspection_type text, priority int, station_metadata jsonb',
    sent(history),
  );
  await load(client, 'valued', 'inspection uuid, outcome text, verdict text, posted jsonb', valued(history));
  await load(
    client,
    'heard',
    'event_id uuid',
    heard.map((event_id) => ({ event_id })),
  );
  await client.query('create index on sent (chip_id); analyze sent; analyze valued; analyze heard');
}

/** Asks everything; a fault a question that has rows. */
export async function check(client: pg.Client): Promise<Checked> {
  const faults: Fault[] = [];
  for (const { says, sql } of CHECKS) {
    const { rows } = await client.query({ text: sql, rowMode: 'array' });
    if (rows.length > 0) faults.push({ says, count: rows.length, of: rows.slice(0, 5).map(([name]) => String(name)) });
  }
  const { rows } = await client.query(COUNTS);
  return { ...rows[0], faults };
}

/** The cheap question after each round: ids that were acknowledged and are not there. */
export async function missing(client: pg.Client, ids: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(
    'select id from unnest($1::uuid[]) as told(id) where not exists (select 1 from intake.inspection i where i.id = told.id)',
    [ids],
  );
  return rows.map(({ id }) => id);
}
