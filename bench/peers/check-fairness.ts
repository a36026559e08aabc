import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../src/platform/ports.ts';
import { commandOptions } from '../../tools/command-options.ts';
import { amountOption, wholeOption } from '../../tools/option-numbers.ts';
import { checkExactly } from '../exact-check.ts';
import { onGround } from '../ground.ts';
import { type Run, runOnce } from '../rounds.ts';
import { peerLedger, startPeer, UVICORN } from '../sides/peers.ts';
import type { BenchDatabase } from '../sides/postgres.ts';
import { pin, SERVER_CORE, type Side, startServer } from '../sides/side.ts';
import { peerTokens } from '../sides/tokens.ts';
import { median, mirrored, pairedRatios } from '../stats.ts';
import { findPython, type Python } from './python-home.ts';

const USAGE = `usage: node bench/peers/check-fairness.ts [--kit FOLDER] [--rounds 3] [--seconds 4]

Whether our peers are as good as somebody else's: runs each beside its counterpart in an independently tuned kit (../shared/peer), on the same
database and with the same load, and fails when ours takes more than 1.25 times the processor time a request. Without the kit, or without Python, nothing is
checked: it says so and exits with 3.`;

const { values } = commandOptions({
  options: {
    kit: { type: 'string', default: fileURLToPath(new URL('../../../shared/peer', import.meta.url)) },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    help: { type: 'boolean', default: false },
  },
});

const LIMIT = 1.25;
const NOT_CHECKED = 3;
/** Our peer, the kit's name for the same form, and how its application is told to be that. */
const PAIRS: readonly [string, string, Record<string, string>][] = [
  ['fastapi_adr', 'py:orm:each:adr:duties', { DB: 'orm', JWT: 'each', FORM: 'idio', MW: 'adr', POOL: '20', OVERFLOW: '30' }],
  ['fastapi_usual', 'py:coretx:pool=50:duties', { DB: 'coretx', JWT: 'cache', FORM: 'idio', POOL: '50', OVERFLOW: '0' }],
  ['fastapi_expert', 'py:core:pool=50:duties', { DB: 'core', JWT: 'cache', FORM: 'idio', POOL: '50', OVERFLOW: '0' }],
  ['asyncpg', 'py:asyncpgx:star:duties', { DB: 'asyncpgx', JWT: 'cache', FORM: 'star', POOL: '50', OVERFLOW: '0' }],
];

if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const seconds = amountOption('seconds', values.seconds);
const rounds = wholeOption('rounds', values.rounds);
const kit = resolve(values.kit);
if (!existsSync(join(kit, 'py', 'app.py'))) {
  console.error(`not checked: there is no kit at ${kit}`);
  process.exit(NOT_CHECKED);
}

async function startCounterpart(
  name: string,
  environment: Record<string, string>,
  python: Python,
  database: BenchDatabase,
  folder: string,
): Promise<Side> {
  const own = `kit_${name}`;
  const tables = /DDL="([^"]+)"/.exec(readFileSync(join(kit, 'pg.sh'), 'utf8'))?.[1];
  if (tables === undefined) throw new Error(`${kit}/pg.sh has no tables`);
  const { pythonUrl } = await database.create(own, tables);
  const { publicKey, tokens } = await peerTokens();
  const keys = join(folder, own);
  mkdirSync(keys);
  writeFileSync(join(keys, 'pub.pem'), publicKey);
  const port = await freePort();
  const server = await startServer({
    name: own,
    command: python.program,
    args: ['-m', 'uvicorn', 'app:app', '--app-dir', join(folder, 'kit', 'py'), '--port', String(port), ...UVICORN],
    environment: {
      PATH: process.env.PATH,
      ...environment,
      DUTIES: '1',
      AUTH: keys,
      LOG_FILE: join(folder, `${own}.ndjson`),
      DATABASE_URL: pythonUrl.replace('postgresql://', 'postgres://'),
    },
    port,
    log: join(folder, `${own}.log`),
  });
  pin(server.pid, SERVER_CORE);
  return { name: own, port, tokens, judges: true, ledger: peerLedger(own, true), ...server };
}

async function compare(own: Side, other: Side, database: BenchDatabase): Promise<number> {
  const runs = new Map<Side, Run[]>([
    [own, []],
    [other, []],
  ]);
  for (const side of runs.keys()) await checkExactly(side, database, 500);
  const options = { connections: 64, seconds, warmup: 1, cores: cpus().length };
  for (let round = 0; round < rounds; round += 1)
    for (const side of mirrored([own, other])) runs.get(side)?.push(await runOnce(side, database, options));
  const cpu = (side: Side) => (runs.get(side) ?? []).map(({ cpu_us }) => cpu_us);
  const ratio = median(pairedRatios(cpu(own), cpu(other)));
  console.log(
    `| ${own.name} | ${median(cpu(own)).toFixed(0)} | ${median(cpu(other)).toFixed(0)} | ${ratio.toFixed(2)} | ${ratio <= LIMIT ? 'fair' : 'NOT FAIR'} |`,
  );
  return ratio;
}

const python = findPython((text) => console.error(text));
if (!('program' in python)) {
  console.error(`not checked: ${python.lacks}`);
  process.exit(NOT_CHECKED);
}
const unfair = await onGround(async ({ database, folder }) => {
  let count = 0;
  cpSync(join(kit, 'py'), join(folder, 'kit', 'py'), { recursive: true });
  console.log(`| peer | our CPU us | the kit's CPU us | ratio (at most ${LIMIT}) | |\n|---|---|---|---|---|`);
  for (const [name, counterpart, environment] of PAIRS) {
    const own = await startPeer(name, python, database, folder);
    const other = await startCounterpart(name, environment, python, database, folder);
    try {
      if ((await compare({ ...own, name: `${name} beside ${counterpart}` }, other, database)) > LIMIT) count += 1;
    } finally {
      await own.stop();
      await other.stop();
    }
  }
  return count;
});
process.exit(unfair === 0 ? 0 : 1);
