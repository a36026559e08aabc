import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../src/platform/ports.ts';
import { type ClientCredentials, PlatformClient } from '../../src/simulator/client.ts';
import { runCommand } from '../../test/support/platform.ts';
import type { BenchDatabase } from './postgres.ts';
import { pin, SERVER_CORE, type Side, startServer } from './side.ts';
import { forgedToken } from './tokens.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/**
 * The limit of one client is higher here than a plant needs, on all sides alike, because ten stations send what thousands would; the limiter works.
 * No picture ever comes, so the time-out of inputs is put past the end: else the sweep of a quarter of an hour ago would run in the middle.
 */
export const RATE_LIMIT = 1_000_000;
const SETTINGS = { CQP_DEMO: 'off', LOG_LEVEL: 'info', TOKEN_LIFETIME: '1h', RATE_LIMIT: String(RATE_LIMIT), INPUT_TIMEOUT: '24h' };

const LEDGER = {
  counts: `select (select count(*) from intake.inspection)::int, (select count(*) from platform.outbox where topic = 'inspection.lifecycle')::int,
    (select count(*) from platform.audit where action = 'inspection.created')::int, (select count(*) from platform.idempotency)::int`,
  joined: `select count(*)::int as n from intake.inspection i
    join platform.outbox o on o.event -> 'aggregate' ->> 'id' = i.id::text and o.event -> 'payload' ->> 'chip_id' = i.chip_id
    join platform.audit a on a.object_id = i.id::text and a.action = 'inspection.created'
    join platform.idempotency k on k.location = '/v1/inspections/' || i.id
    where i.id = any ($1::uuid[])`,
};

interface DemoCredentials {
  issuer: string;
  token_endpoint: string;
  audience: string;
  clients: ClientCredentials[];
}

const READY_MILLIS = 60_000;

async function readyLine(log: string): Promise<void> {
  for (const end = Date.now() + READY_MILLIS; !/^ready /m.test(await readFile(log, 'utf8')); await pause(50))
    if (Date.now() > end) throw new Error(`the platform was not ready within a minute: see ${log}`);
}

/**
 * The product in its default configuration, on the database of the bench: every consumer, background job, limit and log line is on.
 * @param node arguments of Node itself, for who looks into it
 */
export async function startOurs(
  database: BenchDatabase,
  folder: string,
  node: readonly string[] = [],
): Promise<Side & { issuer: string; audience: string }> {
  const dataDir = join(folder, 'ours');
  await mkdir(dataDir);
  const { url } = await database.create('ours');
  await runCommand(['migrate'], { DATABASE_URL: url, CQP_DATA_DIR: dataDir });
  const port = await freePort();
  const log = join(folder, 'ours.log');
  const server = await startServer({
    name: 'ours',
    command: process.execPath,
    args: [...node, MAIN, 'serve'],
    environment: {
      ...process.env,
      ...SETTINGS,
      PORT: String(port),
      DATABASE_URL: url,
      CQP_DATA_DIR: dataDir,
      CQP_PARENT: String(process.pid),
    },
    port,
    log,
  });
  await readyLine(log);
  pin(server.pid, SERVER_CORE);
  const { issuer, audience, token_endpoint, clients } = JSON.parse(
    await readFile(join(dataDir, 'demo-credentials.json'), 'utf8'),
  ) as DemoCredentials;
  const stations = clients.filter((client) => client.station_id !== undefined);
  const tokenOf = (client: ClientCredentials) => new PlatformClient({ url: issuer, tokenEndpoint: token_endpoint, client }).token();
  return {
    name: 'ours',
    port,
    tokens: {
      good: await Promise.all(stations.map(tokenOf)),
      forged: await forgedToken({ iss: issuer, aud: audience }),
      noScope: await readingToken(token_endpoint, stations[0] as ClientCredentials),
    },
    judges: true,
    ledger: { database: 'ours', ...LEDGER },
    issuer,
    audience,
    ...server,
  };
}

/** A station's token that asked for less than it may have. */
async function readingToken(endpoint: string, { client_id, client_secret }: ClientCredentials): Promise<string> {
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: 'grant_type=client_credentials&scope=inspections:read',
    signal: AbortSignal.timeout(20_000),
  });
  return ((await answer.json()) as { access_token: string }).access_token;
}
