import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Caller, ROLES, type Role } from '../../src/contracts/permissions.ts';
import { type IntakeSettings, intake } from '../../src/intake/index.ts';
import { masterdata } from '../../src/masterdata/index.ts';
import type { Blobs } from '../../src/platform/blob/blobs.ts';
import { openDiskBlobs } from '../../src/platform/blob/disk.ts';
import { openFeed } from '../../src/platform/bus/feed.ts';
import { openTail } from '../../src/platform/bus/tail.ts';
import { type App, createApp } from '../../src/platform/http/app.ts';
import type { CreationOptions } from '../../src/platform/http/creations.ts';
import { ProblemError } from '../../src/platform/problem.ts';
import { createLog } from '../../src/platform/telemetry/log.ts';
import { createMetrics } from '../../src/platform/telemetry/metrics.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';

function someone(role: Role, site: string, stationId: string | null = null): Caller {
  const name = stationId ?? `${role}@${site}`;
  const { kind, scopes } = ROLES[role];
  return { subject: `sub-${name}`, kind, name, roles: [role], scopes: new Set<string>(scopes), site, stationId };
}

/** Fixed tokens in place of a provider: who they are is what the identity slice would say. */
export const CALLERS: Record<string, Caller> = {
  aoi: someone('inspection_station', 'hamburg', 'AOI-HH-1'),
  aoi2: someone('inspection_station', 'hamburg', 'AOI-HH-2'),
  thm: someone('inspection_station', 'hamburg', 'THM-HH-1'),
  penang: someone('inspection_station', 'penang', 'AOI-PG-1'),
  operator: someone('manufacturing_operator', 'hamburg'),
  engineer: someone('quality_engineer', 'hamburg'),
  engineerPg: someone('quality_engineer', 'penang'),
  auditor: someone('auditor', '*'),
  admin: someone('system_admin', '*'),
};

export interface Plant extends TestDatabase {
  app: App;
  blobs: Blobs;
  /** Address of a listening server, for what cannot be injected. */
  listen(): Promise<string>;
  /** Files below the blob folder, staged ones too. */
  files(): Promise<string[]>;
  metrics: ReturnType<typeof createMetrics>;
}

type Context = { after(fn: () => Promise<void>): void };

/** Intake and master data as the platform runs them, on a database and a folder of their own. */
export async function plant(
  t: Context,
  { creations = {}, ...more }: Partial<IntakeSettings> & { minFreePercent?: number; creations?: CreationOptions } = {},
  /** Beside another: a second process on the same database. */
  beside?: TestDatabase,
): Promise<Plant> {
  const database = beside ?? (await testDatabase(t));
  const { db, door } = database;
  const folder = await mkdtemp(join(tmpdir(), 'cqp-intake-'));
  const blobs = await openDiskBlobs({ folder, minFreePercent: more.minFreePercent ?? 0 });
  const log = createLog({ level: 'silent', service: 'test' });
  const metrics = createMetrics();
  const feed = openFeed({ db, tail: openTail({ db, pollMs: 20 }) });
  database.onCommit(() => feed.wake());
  await feed.start();
  const settings: IntakeSettings = {
    lotIdPattern: /^LOT-\d{4}-\d{3}$/,
    inputTimeoutMs: 900_000,
    uploadLimit: 64 * 1024 * 1024,
    uploadTimeoutMs: 10_000,
    batchLimit: 16 * 1024 * 1024,
    pictureQuotaBytes: null,
    ...more,
  };
  const app = await createApp({
    authenticate: (token) => {
      const caller = CALLERS[token];
      if (!caller) throw new ProblemError('unauthorized');
      return caller;
    },
    log,
    metrics,
    rateLimit: 1_000_000,
    maxDelayMs: 60_000,
    creations,
  });
  const master = masterdata({ db, door, blobs, log, settings });
  const slice = intake({ db, door, feed, blobs, log, metrics, settings });
  await master.bootstrap({ actor: { subject: 'system', name: 'test', kind: 'system' }, requestId: null, traceId: '1'.repeat(32) });
  await master.routes?.(app);
  await slice.routes?.(app);
  await app.ready();
  await slice.background?.start();
  t.after(async () => {
    await slice.background?.stop();
    await app.close();
    await feed.stop();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    ...database,
    app,
    blobs,
    metrics,
    listen: () => app.listen({ host: '127.0.0.1', port: 0 }),
    files: async () =>
      (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => entry.name),
  };
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** A valid body; `more` overrides. */
export const board = (more: Record<string, unknown> = {}) => ({
  lot_id: 'LOT-2025-001',
  chip_id: 'PCB-A1234',
  inspection_type: 'visual',
  ...more,
});
