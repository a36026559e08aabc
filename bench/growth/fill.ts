import pg from 'pg';
import { addressOf, type DatabaseAddress } from '../../src/platform/db/database.ts';

/** Rows of one INSERT: progress is seen, and no transaction lasts for minutes. */
const PIECE = 500_000;
/** Days over which the rows are spread, evenly and in the order of their ids. */
const DAYS = 180;
/** Inspections of a lot: 80 chips, each seen by four kinds of station and by the first one twice. */
const LOT = 400;

/*
 * Row n of all. Three of five are Hamburg's. Of its 60 stations one has a third of the rows, six have a third, 53 the rest; Penang's 41 likewise.
 * 97 of 100 are completed, 93 of these pass; only the last 500 are not settled, as on a line that keeps up.
 */
const INSPECTIONS = `insert into intake.inspection (id, site, lot_id, chip_id, inspection_type, priority, station_metadata, station_id, status, verdict, reason,
    attempt, version, created_by, created_at, updated_at, completed_at)
  select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(hash, 1, 3) || '8' || substr(hash, 4, 15))::uuid,
    site, 'LOT-' || lpad((lot / 1000)::text, 4, '0') || '-' || lpad((lot % 1000)::text, 3, '0'), 'PCB-' || mark || '-' || lot || '-' || (k % ${LOT}) / 5,
    (array['visual', 'electrical', 'thermal', 'dimensional', 'visual'])[k % 5 + 1], 1 + (n % 10)::int,
    '{"operator": "john.doe", "shift": "morning"}', station, status, verdict, case when verdict = 'fail' then 'defect' when verdict is not null then 'clean' end,
    case when k % 5 = 4 then 2 else 1 end, 3, lower(station), at, at + interval '2 seconds', case when status = 'completed' then at + interval '2 seconds' end
  from (
    select *, case when site = 'hamburg' then 'HH' else 'PG' end as mark, k / ${LOT} as lot, md5(n::text) as hash,
      case when verdict is not null then 'completed' when n > total - 500 then (array['pending', 'in_progress', 'awaiting_review'])[n % 3 + 1] else 'cancelled' end as status,
      case when site = 'hamburg' then case when draw < 100 then 'AOI-HH-1' when draw < 200 then 'HH-T' || other % 6 else 'HH-R' || other % 53 end
           else case when draw < 100 then 'AOI-PG-1' when draw < 200 then 'PG-T' || other % 4 else 'PG-R' || other % 36 end end as station
    from (
      select n, total, at, case when n % 5 < 3 then 'hamburg' else 'penang' end as site,
        case when n % 5 < 3 then n / 5 * 3 + n % 5 else n / 5 * 2 + n % 5 - 3 end as k, (n * 2654435761 >> 7) % 300 as draw, n * 40503 >> 4 as other,
        case when n > total - 500 or (n * 40503 >> 3) % 100 >= 97 then null when (n * 69069 >> 5) % 100 < 93 then 'pass' when (n * 69069 >> 5) % 100 < 98 then 'fail' else 'inconclusive' end as verdict
      from generate_series($1::bigint, $2::bigint) n, lateral (select $3::bigint as total) as of_all,
        lateral (select now() - interval '${DAYS} days' * (1 - n::float8 / total) as at) as of_time) one) two`;
/** The entries of the last month: what a create of today writes beside. Months before are pieces of their own. */
const ENTRIES = `insert into platform.audit (id, recorded_at, action, actor_subject, actor_name, actor_kind, site, object_type, object_id, new, request_id, trace_id)
  select id, created_at, 'inspection.created', 'client-' || station_id, created_by, 'client', site, 'inspection', id::text,
    json_build_object('id', id, 'lot_id', lot_id, 'chip_id', chip_id, 'status', 'pending', 'priority', priority), id::text, replace(id::text, '-', '')
  from intake.inspection where created_at > now() - interval '30 days'`;
const LOTS = `insert into masterdata.lot (site, lot_id, opened_at) select site, lot_id, min(created_at) from intake.inspection group by 1, 2 on conflict do nothing`;

/**
 * Fills a migrated database with `rows` inspections. The indexes are taken away, made anew after the rows from their own definitions, and the tables
 * are vacuumed and analysed: the state of a database that autovacuum keeps up with.
 */
export async function fill(address: DatabaseAddress, rows: number, say: (text: string) => void): Promise<void> {
  const client = new pg.Client(addressOf(address));
  await client.connect();
  try {
    await client.query("set synchronous_commit = off; set maintenance_work_mem = '512MB'; set work_mem = '256MB'");
    const { rows: indexes } = await client.query<{ name: string; text: string }>(
      `select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as text from pg_index where indrelid = 'intake.inspection'::regclass and not indisprimary`,
    );
    for (const { name } of indexes) await client.query(`drop index ${name}`);
    for (let first = 1; first <= rows; first += PIECE) {
      await client.query(INSPECTIONS, [first, Math.min(rows, first + PIECE - 1), rows]);
      say(`${Math.min(rows, first + PIECE - 1)} of ${rows} rows`);
    }
    for (const { name, text } of indexes) {
      say(`index ${name}`);
      await client.query(text);
    }
    say('lots and audit entries');
    await client.query(LOTS);
    await client.query(ENTRIES);
    say('vacuum');
    for (const table of ['intake.inspection', 'masterdata.lot', 'platform.audit']) await client.query(`vacuum (analyze) ${table}`);
  } finally {
    await client.end();
  }
}

export interface Sample {
  ids: string[];
  lots: string[];
  chips: string[];
  bytes: number;
}

/** Ids, lots and chips of Hamburg to ask for, evenly over all time: the least friendly choice, people ask for what is recent. */
export async function sample(address: DatabaseAddress, count: number): Promise<Sample> {
  const client = new pg.Client(addressOf(address));
  await client.connect();
  try {
    const { rows } = await client.query<{ id: string; lot_id: string; chip_id: string }>(
      `select id, lot_id, chip_id from intake.inspection where site = 'hamburg' and ctid = any(array(
         select format('(%s,%s)', floor(random() * pages)::bigint, 1 + floor(random() * 20)::int)::tid
         from generate_series(1, $1::int * 3), (select greatest(relpages, 1) as pages from pg_class where oid = 'intake.inspection'::regclass) size)) limit $1`,
      [count],
    );
    const { rows: size } = await client.query<{ bytes: number }>('select pg_database_size(current_database()) as bytes');
    return {
      ids: rows.map((row) => row.id),
      lots: rows.map((row) => row.lot_id),
      chips: rows.map((row) => row.chip_id),
      bytes: size[0]?.bytes ?? 0,
    };
  } finally {
    await client.end();
  }
}
