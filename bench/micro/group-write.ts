import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { Caller } from '../../src/contracts/permissions.ts';
import { MIGRATIONS } from '../../src/infrastructure.ts';
import { openRecorder } from '../../src/intake/record-inspection.ts';
import type { Accepted } from '../../src/intake/rules.ts';
import { openDatabase } from '../../src/platform/db/database.ts';
import { type Cause, openDoor } from '../../src/platform/db/door.ts';
import { startEmbedded } from '../../src/platform/db/embedded/embedded.ts';
import { migrate } from '../../src/platform/db/migrate.ts';
import { uuidv7 } from '../../src/platform/id.ts';
import { createMetrics } from '../../src/platform/telemetry/metrics.ts';
import { commandOptions } from '../../tools/command-options.ts';
import { wholeOption } from '../../tools/option-numbers.ts';
import { median } from '../stats.ts';

const { values } = commandOptions({
  options: {
    rows: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '15' },
    only: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`usage: node bench/micro/group-write.ts [--rows 100000] [--rounds 15] [--only '32 together']

What an inspection costs behind its HTTP request: from what was accepted to the commit that is told. Creates of one each that share a commit (1, 8, 32,
each with its key), and batches of 250 and 1,000 under one key. Processor time of this process and of PostgreSQL's sessions, medians of --rounds rounds
of about 2,000 inspections in turn, with --rows inspections already there. Nothing waits for a disk.`);
  process.exit(0);
}

const wanted = { rows: wholeOption('rows', values.rows, 0), rounds: wholeOption('rounds', values.rounds) };
const ROUND = 2000;
const ALL = [
  { name: 'alone', members: 1, each: 1 },
  { name: '8 together', members: 8, each: 1 },
  { name: '32 together', members: 32, each: 1 },
  { name: 'batch of 250', members: 1, each: 250 },
  { name: 'batch of 1000', members: 1, each: 1000 },
] as const;
const KINDS = ALL.filter(({ name }) => values.only === undefined || values.only === name);

let serial = 0;
const caller = { subject: 'client-aoi-hh-1', name: 'aoi-hh-1', kind: 'client', site: 'hamburg', stationId: 'AOI-HH-1' } as Caller;
function accepted(): Accepted {
  serial += 1;
  return {
    site: 'hamburg',
    station_id: 'AOI-HH-1',
    lot_id: `LOT-2026-${String(1 + (serial % 900)).padStart(3, '0')}`,
    chip_id: `PCB-${(serial * 2_654_435_761) % 4_294_967_296}`,
    inspection_type: 'visual',
    priority: 5,
    station_metadata: { operator: 'john.doe', shift: 'morning' },
    inspected_at: null,
    station_epoch: null,
    station_sequence: null,
  };
}
const causeOf = (): Cause => ({
  actor: { subject: caller.subject, name: caller.name, kind: 'client' },
  requestId: uuidv7(),
  traceId: uuidv7().replaceAll('-', ''),
  idempotency: { caller: caller.subject, key: uuidv7(), requestHash: '5'.repeat(64) },
});

const scratch = await mkdtemp(join(tmpdir(), 'cqp-micro-'));
const server = await startEmbedded({
  dataDir: join(scratch, 'data'),
  settings: { fsync: 'off', synchronous_commit: 'off', shared_buffers: '512MB', max_wal_size: '8GB', checkpoint_timeout: '60min' },
});
const admin = new pg.Client(server.admin);
await admin.connect();
await admin.query('create database micro owner cqp');
const address = { ...server.address, database: 'micro' };
await migrate({ ...address, folder: MIGRATIONS });
const db = openDatabase(address);
const recorder = openRecorder({ door: openDoor({ db, source: 'micro' }), metrics: createMetrics() });
try {
  /** One commit, or what shares one: each request answers with its records. */
  const write = (members: number, each: number) =>
    Promise.all(
      Array.from({ length: members }, () => {
        const all = Array.from({ length: each }, accepted);
        return recorder.record({
          cause: causeOf(),
          caller,
          accepted: all,
          answerOf: (made) => ({
            status: 201,
            body: each === 1 ? made[0] : { results: made.map(({ value }, index) => ({ index, id: value.id })) },
          }),
        });
      }),
    );
  for (let n = 0; n < wanted.rows; n += 1000) await write(1, 1000);
  await admin.query('checkpoint');
  const { rows } = await db.pool.query("select pid from pg_stat_activity where application_name = 'cqp'");
  const sessions = new Set(rows.map(({ pid }) => pid as number));
  const nanos = () => [...sessions].reduce((sum, pid) => sum + Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]), 0);
  const wal = async () =>
    Number((await admin.query("select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::text as bytes")).rows[0].bytes);
  const figures = new Map(KINDS.map(({ name }) => [name, { node: [] as number[], postgres: [] as number[], bytes: [] as number[] }]));
  console.error(`sessions ${[...sessions].join(',')}`);
  for (let round = -1; round < wanted.rounds; round += 1)
    for (const { name, members, each } of KINDS) {
      const count = ROUND / (name === 'alone' ? 5 : 1);
      const [postgres, before, used] = [nanos(), await wal(), process.cpuUsage()];
      for (let n = 0; n < count; n += members * each) await write(members, each);
      const { user, system } = process.cpuUsage(used);
      const done = Math.ceil(count / (members * each)) * members * each;
      if (round < 0) continue;
      figures.get(name)?.node.push((user + system) / done);
      figures.get(name)?.postgres.push((nanos() - postgres) / 1000 / done);
      figures.get(name)?.bytes.push(((await wal()) - before) / done);
    }
  console.log('| commit | node CPU us an inspection | PostgreSQL CPU us | log bytes |\n|---|---|---|---|');
  for (const [name, { node, postgres, bytes }] of figures)
    console.log(`| ${name} | ${median(node).toFixed(1)} | ${median(postgres).toFixed(1)} | ${median(bytes).toFixed(0)} |`);
} finally {
  await db.close();
  await admin.end();
  await server.stop();
  await rm(scratch, { recursive: true, force: true });
}
process.exit(0);
