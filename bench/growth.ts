import { readFileSync } from 'node:fs';
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { MIGRATIONS } from '../src/infrastructure.ts';
import { startEmbedded } from '../src/platform/db/embedded/embedded.ts';
import { migrate } from '../src/platform/db/migrate.ts';
import { type RunningPlatform, startPlatform } from '../test/support/platform.ts';
import { commandOptions } from '../tools/command-options.ts';
import { amountOption, wholeOption } from '../tools/option-numbers.ts';
import { used } from './growth/cpu.ts';
import { fill, type Sample, sample } from './growth/fill.ts';
import { type Call, load } from './growth/load.ts';
import { median } from './stats.ts';

const { values } = commandOptions({
  options: {
    rows: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    'shared-buffers': { type: 'string', default: '1GB' },
    data: { type: 'string' },
    only: { type: 'string', default: '' },
    short: { type: 'boolean', default: false },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`usage: node bench/growth.ts [--rows 1e5,1e7] [--rounds 3] [--seconds 2] [--shared-buffers 1GB] [--data DIR] [--only WORD] [--short] [--json FILE]

What a request costs when there are more rows: an embedded PostgreSQL with a database of each size (inspections of 180 days, 100 stations, two sites),
a platform on each, and the same requests to both in mirrored rounds. Prints the processor time a request (platform and PostgreSQL; medians) and the
ratio of the largest to the smallest size, which is to stay within 1.3. --short takes 1e5 and 1e6. 1e7 rows need 15 GB in the folder for temporary files and are removed at the end; with --data DIR they are kept there
and the next run with it fills nothing.`);
  process.exit(0);
}
const LIMIT = 1.3;
const sizes = (values.rows ?? (values.short ? '1e5,1e6' : '1e5,1e7')).split(',').map(Number);
if (sizes.some((rows) => !Number.isSafeInteger(rows) || rows < 1)) {
  console.error(`--rows ${values.rows}: give whole numbers such as 1e5,1e6`);
  process.exit(2);
}
const rounds = wholeOption('rounds', values.rounds ?? (values.short ? '2' : '3'));
const millis = amountOption('seconds', values.seconds ?? (values.short ? '1' : '2')) * 1000;
const need = sizes.reduce((sum, rows) => sum + rows, 0) * 1500;
const disk = await statfs(tmpdir());
if (values.data === undefined && disk.bavail * disk.bsize < need * 1.2) {
  console.error(`${tmpdir()} has ${Math.round((disk.bavail * disk.bsize) / 1e9)} GB free; ${Math.round((need * 1.2) / 1e9)} GB are needed`);
  process.exit(2);
}

interface Side {
  rows: number;
  database: string;
  platform: RunningPlatform;
  sample: Sample;
  tokens: { engineer: string; auditor: string; stations: string[]; busy: string };
}
interface Operation {
  name: string;
  connections: number;
  call(side: Side, serial: number): Call;
}

const pick = <T>(list: readonly T[], serial: number): T => list[(serial * 7919) % list.length] as T;
const list = (name: string, query: (side: Side, serial: number) => string): Operation => ({
  name,
  connections: 4,
  call: (side, serial) => ({ method: 'GET', path: `/v1/inspections?${query(side, serial)}`, token: side.tokens.engineer }),
});
const create = (stations: number): Operation => ({
  name: `create, ${stations} station${stations === 1 ? '' : 's'} at once`,
  connections: stations,
  call: ({ tokens }, serial) => ({
    method: 'POST',
    path: '/v1/inspections',
    token: pick(tokens.stations, serial),
    body: JSON.stringify({
      lot_id: `LOT-9000-${String(serial % 900).padStart(3, '0')}`,
      chip_id: `NEW-${process.pid}-${Date.now().toString(36)}-${serial}`,
      inspection_type: 'electrical',
      station_metadata: { operator: 'john.doe', shift: 'morning' },
    }),
  }),
});
const ledger = (name: string, query: (side: Side, serial: number) => string): Operation => ({
  name: `ledger, ${name}`,
  connections: 4,
  call: (side, serial) => ({ method: 'GET', path: `/v1/audit?${query(side, serial)}`, token: side.tokens.auditor }),
});
const ALL: readonly Operation[] = [
  create(1),
  create(10),
  create(100),
  {
    name: 'get',
    connections: 4,
    call: (side, serial) => ({ method: 'GET', path: `/v1/inspections/${pick(side.sample.ids, serial)}`, token: side.tokens.engineer }),
  },
  list('list, site', () => 'limit=20'),
  list('list, lot', (side, serial) => `lot_id=${pick(side.sample.lots, serial)}`),
  list('list, chip', (side, serial) => `chip_id=${pick(side.sample.chips, serial)}`),
  list('list, station, one that has a third', () => 'station_id=AOI-HH-1'),
  list('list, station, one of ten', (_side, serial) => `station_id=HH-T${serial % 6}`),
  list('list, station, one of a hundred', (_side, serial) => `station_id=HH-R${serial % 53}`),
  list('list, station of another site', () => 'station_id=AOI-PG-1'),
  list('list, failed of a site', () => 'verdict=fail'),
  list('list, waiting of a site', () => 'status=awaiting_review'),
  {
    name: 'list, own of a station',
    connections: 4,
    call: ({ tokens }) => ({ method: 'GET', path: '/v1/inspections?limit=20', token: tokens.busy }),
  },
  {
    name: 'list, station, for who sees all sites',
    connections: 4,
    call: ({ tokens }) => ({ method: 'GET', path: '/v1/inspections?station_id=HH-T1', token: tokens.auditor }),
  },
  ledger('newest', () => 'limit=20'),
  ledger('of a station', () => 'actor=aoi-hh-1'),
  ledger('of an inspection', (side, serial) => `object=inspection:${pick(side.sample.ids, serial)}`),
];
const OPERATIONS = ALL.filter(({ name }) => name.includes(values.only));
if (OPERATIONS.length === 0) {
  console.error(`--only ${values.only}: no request has it in its name; there are\n${ALL.map(({ name }) => `  ${name}`).join('\n')}`);
  process.exit(2);
}

interface Row {
  operation: string;
  rows: number;
  requests: number;
  cpu_us: number;
  platform_us: number;
  postgres_us: number;
  p50_ms: number;
}
let serial = 0;
async function visit(side: Side, operation: Operation, postmaster: number): Promise<Row> {
  const port = Number(new URL(side.platform.url).port);
  const next = () => operation.call(side, serial++);
  await load(port, operation.connections, 300, next);
  const before = used(side.platform.process.pid ?? 0, postmaster, side.database);
  const latencies = await load(port, operation.connections, millis, next);
  const after = used(side.platform.process.pid ?? 0, postmaster, side.database);
  const each = (of: keyof typeof after) => (after[of] - before[of]) / latencies.length;
  return {
    operation: operation.name,
    rows: side.rows,
    requests: latencies.length,
    cpu_us: each('program') + each('sessions') + each('writers'),
    platform_us: each('program'),
    postgres_us: each('sessions') + each('writers'),
    p50_ms: latencies[Math.floor(latencies.length / 2)] ?? 0,
  };
}

const say = (text: string) => process.stderr.write(`\r${text.padEnd(70)}`);

const dataDir = values.data ?? (await mkdtemp(join(tmpdir(), 'cqp-growth-')));
const server = await startEmbedded({
  dataDir,
  settings: { shared_buffers: values['shared-buffers'], max_connections: '100', max_wal_size: '8GB' },
});
const sides: Side[] = [];
try {
  process.exitCode = await measure();
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  for (const { platform } of sides) await platform.stop();
  await server.stop();
  if (values.data === undefined) await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
}

/** A platform gives up when it is not there within a minute; beside other work on the machine it may need a second try. */
async function patiently<T>(start: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await start();
    } catch (error) {
      if (tries === 10) throw error;
      say(`start ${tries} failed`);
    }
  }
}

async function measure(): Promise<number> {
  const admin = new pg.Client(server.admin);
  admin.on('error', () => {});
  await admin.connect();
  const { rows } = await admin.query<{ pid: number }>('select pg_backend_pid() as pid');
  const stat = readFileSync(`/proc/${rows[0]?.pid}/stat`, 'utf8');
  const postmaster = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  for (const size of sizes) {
    const database = `growth_${size}`;
    const { rowCount: there } = await admin.query('select 1 from pg_database where datname = $1', [database]);
    const address = { ...server.address, database };
    const began = performance.now();
    if (!there) {
      await admin.query(`create database ${database} owner cqp`);
      await migrate({ ...address, folder: MIGRATIONS });
      await fill(address, size, (text) => say(`filling ${size}: ${text}`));
    }
    const samples = await sample(address, 2000);
    say('');
    console.log(`${size} rows: ${(samples.bytes / 1e9).toFixed(2)} GB, there in ${((performance.now() - began) / 1000).toFixed(0)} s`);
    const platform = await patiently(() =>
      startPlatform(null, {
        dataDir: join(dataDir, `platform_${size}`),
        environment: {
          DATABASE_URL: `postgresql://cqp@localhost:${address.port}/${database}?host=${encodeURIComponent(address.host)}`,
          DB_POOL_SIZE: '16',
          DB_MAX_OVERFLOW: '0',
          TOKEN_LIFETIME: '1h',
          INPUT_TIMEOUT: '1000d',
          RATE_LIMIT: '100000',
          DB_CONNECT_TIMEOUT: '15s',
          LOG_LEVEL: 'info',
        },
      }),
    );
    const stations = await Promise.all(
      platform.credentials.clients
        .filter((client) => client.station_id !== undefined)
        .map((client) => platform.station(client.client_id).token()),
    );
    const [engineer, auditor] = [await platform.tokenOf('engineer.hamburg'), await platform.tokenOf('auditor')];
    const tokens = { engineer, auditor, stations, busy: stations[0] as string };
    sides.push({ rows: size, database, platform, sample: samples, tokens });
  }
  await admin.end();
  const found: Row[] = [];
  for (let round = 0; round < rounds; round += 1)
    for (const operation of OPERATIONS)
      for (const side of [...sides, ...[...sides].reverse()]) {
        say(`round ${round + 1} of ${rounds}: ${operation.name}, ${side.rows} rows`);
        found.push(await visit(side, operation, postmaster));
      }
  say('');
  return report(found);
}

async function report(found: readonly Row[]): Promise<number> {
  const [small = 0, large = 0] = [sizes[0], sizes.at(-1)];
  const of = (operation: string, rows: number, figure: 'cpu_us' | 'platform_us' | 'postgres_us' | 'p50_ms') =>
    median(found.filter((row) => row.operation === operation && row.rows === rows).map((row) => row[figure]));
  console.log(
    `\nProcessor time of one request in microseconds (of it PostgreSQL), ${small} and ${large} rows; medians of ${rounds * 2} visits`,
  );
  console.log(`| request | ${small} rows | ${large} rows | ratio | P50 ms |\n|---|---|---|---|---|`);
  const results = OPERATIONS.map(({ name }) => {
    const ratio = of(name, large, 'cpu_us') / of(name, small, 'cpu_us');
    const cell = (rows: number) => `${of(name, rows, 'cpu_us').toFixed(0)} (${of(name, rows, 'postgres_us').toFixed(0)})`;
    console.log(
      `| ${name} | ${cell(small)} | ${cell(large)} | ${ratio.toFixed(2)} | ${of(name, small, 'p50_ms').toFixed(1)}, ${of(name, large, 'p50_ms').toFixed(1)} |`,
    );
    return { operation: name, small_us: of(name, small, 'cpu_us'), large_us: of(name, large, 'cpu_us'), ratio: Number(ratio.toFixed(3)) };
  });
  const over = results.filter(({ ratio }) => ratio > LIMIT);
  console.log(over.length === 0 ? `\nall within ${LIMIT}` : `\nover ${LIMIT}: ${over.map(({ operation }) => operation).join('; ')}`);
  console.log(JSON.stringify({ small, large, limit: LIMIT, results }));
  if (values.json) await writeFile(values.json, `${JSON.stringify({ rows: found, results }, null, 2)}\n`);
  return over.length === 0 ? 0 : 1;
}
