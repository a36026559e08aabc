import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../src/platform/ports.ts';
import { FASTAPI, type Python } from '../peers/python-home.ts';
import { RATE_LIMIT } from './ours.ts';
import type { BenchDatabase } from './postgres.ts';
import { type Ledger, pin, SERVER_CORE, type Side, startServer } from './side.ts';
import { peerTokens } from './tokens.ts';

/** What the bench calls a peer, and the form of bench/peers/fastapi that it is. */
const PEERS: Readonly<Record<string, string>> = {
  fastapi_adr: 'adr',
  fastapi_usual: 'usual',
  fastapi_expert: 'expert',
  asyncpg: 'prepared',
  python_group_commit: 'group_commit',
};
export const WITHOUT_DUTIES = '_without_duties';
export const PEER_NAMES: readonly string[] = Object.keys(PEERS).flatMap((name) => [name, name + WITHOUT_DUTIES]);

/** uvicorn as an expert starts it: uvloop, httptools, and nothing that the service does not use. */
export const UVICORN = [
  ...['--host', '127.0.0.1', '--loop', 'uvloop', '--http', 'httptools', '--ws', 'none', '--lifespan', 'on', '--workers', '1'],
  ...[
    '--no-access-log',
    '--log-level',
    'warning',
    '--no-server-header',
    '--no-proxy-headers',
    '--backlog',
    '8192',
    '--timeout-keep-alive',
    '75',
  ],
];

export function peerLedger(database: string, duties: boolean): Ledger {
  const more = duties ? ', (select count(*) from audit)::int, (select count(*) from idempotency)::int' : '';
  const joins = duties ? 'join audit a on a.object_id = i.id join idempotency k on k.object_id = i.id' : '';
  return {
    database,
    counts: `select (select count(*) from inspections)::int, (select count(*) from outbox)::int${more}`,
    joined: `select count(*)::int as n from inspections i
      join outbox o on o.key = i.id::text and o.payload ->> 'chip_id' = i.chip_id and o.payload -> 'station_metadata' = i.station_metadata ${joins}
      where i.id = any ($1::uuid[])`,
  };
}

/** Starts a peer with a database and a key pair of its own. */
export async function startPeer(name: string, python: Python, database: BenchDatabase, folder: string): Promise<Side> {
  const duties = !name.endsWith(WITHOUT_DUTIES);
  const form = PEERS[name.replace(WITHOUT_DUTIES, '')] ?? '';
  const { pythonUrl } = await database.create(name, await readFile(join(FASTAPI, 'schema.sql'), 'utf8'));
  const { publicKey, tokens } = await peerTokens();
  const keyFile = join(folder, `${name}.pem`);
  await writeFile(keyFile, publicKey);
  const port = await freePort();
  const server = await startServer({
    name,
    command: python.program,
    args: ['-m', 'uvicorn', 'app:app', '--app-dir', FASTAPI, '--port', String(port), ...UVICORN],
    environment: {
      PATH: process.env.PATH,
      PYTHONDONTWRITEBYTECODE: '1',
      PEER_FORM: form,
      PEER_DUTIES: duties ? 'on' : 'off',
      PEER_PUBLIC_KEY: keyFile,
      PEER_LOG: join(folder, `${name}.ndjson`),
      DATABASE_URL: pythonUrl,
      RATE_LIMIT: String(RATE_LIMIT),
    },
    port,
    log: join(folder, `${name}.log`),
  });
  pin(server.pid, SERVER_CORE);
  return { name, port, tokens, judges: true, ledger: peerLedger(name, duties), ...server };
}
