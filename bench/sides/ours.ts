import { PlatformClient } from '../../src/simulator/client.ts';
import { runCommand, startPlatform } from '../../test/support/platform.ts';
import type { BenchDatabase } from './postgres.ts';
import { pin, SERVER_CORE, type Side, type Tokens } from './side.ts';
import { forgedToken } from './tokens.ts';

/**
 * The limit of one client is higher here than a plant needs, on all sides alike, because ten stations send what thousands would; the limiter works.
 * No picture ever comes, so the time-out of inputs is put past the end: else the sweep of a quarter of an hour ago would run in the middle.
 */
export const RATE_LIMIT = 1_000_000;
const SETTINGS = { LOG_LEVEL: 'info', TOKEN_LIFETIME: '1h', RATE_LIMIT: String(RATE_LIMIT), INPUT_TIMEOUT: '24h' };

const LEDGER = {
  counts: `select (select count(*) from intake.inspection)::int, (select count(*) from platform.outbox where topic = 'inspection.lifecycle')::int,
    (select count(*) from platform.audit where action = 'inspection.created')::int, (select count(*) from platform.idempotency)::int`,
  joined: `select count(*)::int as n from intake.inspection i
    join platform.outbox o on o.event -> 'aggregate' ->> 'id' = i.id::text and o.event -> 'payload' ->> 'chip_id' = i.chip_id
    join platform.audit a on a.object_id = i.id::text and a.action = 'inspection.created'
    join platform.idempotency k on k.location = '/v1/inspections/' || i.id
    where i.id = any ($1::uuid[])`,
};

/** The product in its default configuration, on the database of the bench: every consumer, background job, limit and log line is on. */
export async function startOurs(database: BenchDatabase, folder: string): Promise<Side & { issuer: string; audience: string }> {
  const { url } = await database.create('ours');
  await runCommand(['migrate'], { DATABASE_URL: url, CQP_DATA_DIR: folder });
  const platform = await startPlatform(null, { dataDir: folder, environment: { ...SETTINGS, DATABASE_URL: url } });
  pin(platform.process.pid ?? 0, SERVER_CORE);
  const { credentials } = platform;
  const stations = credentials.clients.filter((client) => client.station_id !== undefined);
  const tokens: Tokens = {
    good: await Promise.all(
      stations.map((client) => new PlatformClient({ url: platform.url, tokenEndpoint: credentials.token_endpoint, client }).token()),
    ),
    forged: await forgedToken({ iss: credentials.issuer, aud: credentials.audience }),
    noScope: await tokenWithout(credentials.token_endpoint, stations[0] as { client_id: string; client_secret: string }),
  };
  return {
    name: 'ours',
    port: Number(new URL(platform.url).port),
    pid: platform.process.pid ?? 0,
    tokens,
    judges: true,
    ledger: { database: 'ours', ...LEDGER },
    issuer: platform.url,
    audience: credentials.audience,
    async stop() {
      await platform.stop();
    },
  };
}

async function tokenWithout(endpoint: string, { client_id, client_secret }: { client_id: string; client_secret: string }): Promise<string> {
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
