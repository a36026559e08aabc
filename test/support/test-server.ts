import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { FolderInUse, startEmbedded } from '../../src/platform/db/embedded/embedded.ts';

/**
 * One embedded PostgreSQL for all test processes of this checkout: the first one starts this file as a process of its own, which ends when
 * nobody has been connected for 15 s. Nothing here outlives a test run by more than that.
 */
export const testServerFolder = (): string => {
  const root = resolve(fileURLToPath(new URL('../..', import.meta.url)));
  return join(tmpdir(), `cqp-test-${process.getuid?.() ?? 'user'}-${createHash('sha256').update(root).digest('hex').slice(0, 10)}`);
};
export const addressFile = (folder: string): string => join(folder, 'address.json');

const IDLE_CHECKS = 5;
const CHECK_MS = 3_000;

async function keep(): Promise<void> {
  const folder = testServerFolder();
  // Tests do not need to survive a power cut: fsync off makes a database clone three times as fast.
  const settings = {
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    max_connections: '400',
    autovacuum_naptime: '10min',
  };
  const start = () => startEmbedded({ dataDir: folder, settings });
  const server = await start().catch(async (error: unknown) => {
    if (error instanceof FolderInUse) return undefined;
    // A cluster without fsync may be broken after a hard end: it holds nothing worth keeping.
    await rm(folder, { recursive: true, force: true });
    return start();
  });
  if (!server) return;
  const admin = new pg.Client(server.admin);
  await admin.connect();
  await admin.query('alter role cqp createdb');
  const { rows: left } = await admin.query("select datname from pg_database where datname like 't\\_%' or datname like 'tpl\\_%'");
  for (const { datname } of left) await admin.query(`drop database "${datname}" with (force)`);
  const tell = () => writeFile(addressFile(folder), JSON.stringify({ address: server.address, admin: server.admin }), { mode: 0o600 });
  const visitors = async (): Promise<number> =>
    Number(
      (await admin.query("select count(*) as n from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"))
        .rows[0]?.n,
    );
  await tell();
  for (let idle = 0; idle < IDLE_CHECKS; ) {
    await sleep(CHECK_MS);
    idle = (await visitors()) === 0 ? idle + 1 : 0;
    if (idle < IDLE_CHECKS) continue;
    // Whoever connects after this finds no address and starts over; whoever connected before is counted once more.
    await rm(addressFile(folder), { force: true });
    if ((await visitors()) > 0) {
      await tell();
      idle = 0;
    }
  }
  await admin.end();
  await server.stop();
}

export async function readAddress(folder: string): Promise<{ address: pg.ClientConfig; admin: pg.ClientConfig } | undefined> {
  try {
    return JSON.parse(await readFile(addressFile(folder), 'utf8'));
  } catch {
    return undefined;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await keep();
