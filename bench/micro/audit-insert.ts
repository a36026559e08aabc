import { readFileSync } from 'node:fs';
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { MIGRATIONS } from '../../src/infrastructure.ts';
import { startEmbedded } from '../../src/platform/db/embedded/embedded.ts';
import { migrate } from '../../src/platform/db/migrate.ts';
import { uuidv7 } from '../../src/platform/id.ts';
import { commandOptions } from '../../tools/command-options.ts';
import { wholeOption } from '../../tools/option-numbers.ts';
import { median } from '../stats.ts';

const { values } = commandOptions({
  options: {
    entries: { type: 'string', default: '4000' },
    rounds: { type: 'string', default: '6' },
    there: { type: 'string', default: '300000' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`usage: node bench/micro/audit-insert.ts [--entries 4000] [--rounds 6] [--there 300000]

What an entry of the ledger costs PostgreSQL, one a transaction as the create route writes them, before migration 0008 (one table, key and three indexes)
and after (months, key and two indexes): processor time of the session and bytes of log, medians of mirrored rounds, with --there entries already in it.`);
  process.exit(0);
}
const [entries, rounds, there] = [
  wholeOption('entries', values.entries),
  wholeOption('rounds', values.rounds),
  wholeOption('there', values.there, 0),
];

const INSERT = `insert into platform.audit
    (id, action, actor_subject, actor_name, actor_kind, site, object_type, object_id, old, new, reason, request_id, trace_id)
  select id, action, actor_subject, actor_name, actor_kind, site, object_type, object_id, old, new, reason, request_id, trace_id
  from json_to_recordset($1::json) as x(id uuid, action text, actor_subject text, actor_name text, actor_kind text, site text,
    object_type text, object_id text, old jsonb, new jsonb, reason text, request_id text, trace_id text)`;
const entry = (n: number) => ({
  id: uuidv7(),
  action: 'inspection.created',
  actor_subject: `client-aoi-hh-${n % 100}`,
  actor_name: `aoi-hh-${n % 100}`,
  actor_kind: 'client',
  site: 'hamburg',
  object_type: 'inspection',
  object_id: uuidv7(),
  new: {
    lot_id: `LOT-2026-${n % 900}`,
    chip_id: `PCB-${n}`,
    status: 'pending',
    station_metadata: { operator: 'john.doe' },
    attempt: 1,
    version: 1,
  },
  request_id: uuidv7(),
  trace_id: uuidv7().replaceAll('-', ''),
});

async function older(folder: string): Promise<string> {
  for (const file of await readdir(MIGRATIONS)) if (file < '0008') await cp(join(MIGRATIONS, file), join(folder, file));
  return folder;
}

const scratch = await mkdtemp(join(tmpdir(), 'cqp-micro-'));
const server = await startEmbedded({ dataDir: join(scratch, 'data'), settings: { synchronous_commit: 'off', max_wal_size: '4GB' } });
const admin = new pg.Client(server.admin);
await admin.connect();
const sides: Record<string, { client: pg.Client; pid: number; cpu: number[]; wal: number[] }> = {};
try {
  for (const [name, folder] of [
    ['before', await older(await mkdtemp(join(scratch, 'older-')))],
    ['after', MIGRATIONS],
  ] as const) {
    await admin.query(`create database ${name} owner cqp`);
    await migrate({ ...server.address, database: name, folder });
    const client = new pg.Client({ ...server.address, database: name });
    await client.connect();
    const { rows } = await client.query('select pg_backend_pid() as pid');
    sides[name] = { client, pid: rows[0].pid, cpu: [], wal: [] };
    for (let n = 0; n < there; n += 1000)
      await client.query(INSERT, [JSON.stringify(Array.from({ length: 1000 }, (_, at) => entry(n + at)))]);
    await client.query('vacuum analyze platform.audit');
  }
  await admin.query('checkpoint');
  const nanos = (pid: number) => Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]);
  const logged = async () =>
    BigInt((await admin.query("select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::text as bytes")).rows[0].bytes);
  for (let round = 0; round < rounds; round += 1)
    for (const name of ['before', 'after', 'after', 'before']) {
      const side = sides[name];
      if (!side) continue;
      const texts = Array.from({ length: entries }, (_, n) => JSON.stringify([entry(n)]));
      const [cpu, wal] = [nanos(side.pid), await logged()];
      for (const text of texts) await side.client.query({ name: 'entry', text: INSERT, values: [text] });
      side.cpu.push((nanos(side.pid) - cpu) / entries / 1000);
      side.wal.push(Number((await logged()) - wal) / entries);
    }
} finally {
  for (const { client } of Object.values(sides)) await client.end();
  await admin.end();
  await server.stop();
  await rm(scratch, { recursive: true, force: true });
}
const figures = Object.entries(sides).map(([name, { cpu, wal }]) => ({ name, cpu: median(cpu), wal: median(wal) }));
console.log('| ledger | PostgreSQL CPU us an entry | log bytes an entry |\n|---|---|---|');
for (const { name, cpu, wal } of figures) console.log(`| ${name} | ${cpu.toFixed(1)} | ${wal.toFixed(0)} |`);
console.log(`after over before: ${((figures[1]?.cpu ?? 0) / (figures[0]?.cpu ?? 1)).toFixed(3)}`);
