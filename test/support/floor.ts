import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PlatformEvent } from '../../src/contracts/events.ts';
import type { Inspection } from '../../src/contracts/inspections.ts';
import type { MeasurementLimit } from '../../src/contracts/masterdata.ts';
import { type Caller, ROLES, type Role } from '../../src/contracts/permissions.ts';
import { disposition, wouldJudge } from '../../src/disposition/index.ts';
import type { ReviewSettings } from '../../src/disposition/looks.ts';
import { type GovernedSettings, inference } from '../../src/inference/index.ts';
import { registerModel } from '../../src/inference/models/registry.ts';
import { readRepository } from '../../src/inference/models/repository.ts';
import { intake } from '../../src/intake/index.ts';
import { monitoring } from '../../src/monitoring/index.ts';
import type { Blobs } from '../../src/platform/blob/blobs.ts';
import { openDiskBlobs } from '../../src/platform/blob/disk.ts';
import type { Bus } from '../../src/platform/bus/bus.ts';
import { openFeed } from '../../src/platform/bus/feed.ts';
import { postgresBus } from '../../src/platform/bus/postgres-bus.ts';
import { openTail } from '../../src/platform/bus/tail.ts';
import { openDoor } from '../../src/platform/db/door.ts';
import { type App, createApp } from '../../src/platform/http/app.ts';
import { ProblemError } from '../../src/platform/problem.ts';
import { createLog } from '../../src/platform/telemetry/log.ts';
import { createMetrics, type Metrics } from '../../src/platform/telemetry/metrics.ts';
import { type TestDatabase, testDatabase } from './database.ts';
import { stored } from './stored.ts';
import { type TinyModelOptions, writeTinyModel } from './tiny-model.ts';

export const SITE = 'hamburg';
const OTHER_SITE = 'penang';

function person(role: Role, site: string): Caller {
  const { kind, scopes } = ROLES[role];
  return { subject: `${role}@${site}`, kind, name: `${role}@${site}`, roles: [role], scopes: new Set(scopes), site, stationId: null };
}
function station(site: string, stationId: string): Caller {
  return { ...person('inspection_station', site), subject: stationId, name: stationId, stationId };
}

/** Bearer tokens of the floor and who they are. */
const CALLERS = {
  station: station(SITE, 'AOI-HH-1'),
  neighbour: station(SITE, 'AOI-HH-2'),
  stranger: station(OTHER_SITE, 'AOI-PG-1'),
  operator: person('manufacturing_operator', SITE),
  engineer: person('quality_engineer', SITE),
  second: { ...person('quality_engineer', SITE), subject: 'second', name: 'second@hamburg' },
  renamed: { ...person('quality_engineer', SITE), name: 'married@hamburg' },
  namesake: { ...person('quality_engineer', SITE), subject: 'namesake' },
  third: { ...person('quality_engineer', SITE), subject: 'third', name: 'third@hamburg' },
  manager: person('quality_manager', SITE),
  foreigner: person('quality_manager', OTHER_SITE),
  /** A client that was given every scope of a manager. */
  machine: { ...person('quality_manager', SITE), kind: 'client', subject: 'machine', name: 'machine' },
  auditor: person('auditor', '*'),
  admin: person('system_admin', '*'),
} satisfies Record<string, Caller>;
export type Who = keyof typeof CALLERS;

export interface Answer {
  status: number;
  body: Record<string, unknown> & { data?: Record<string, unknown>[] };
  headers: Record<string, unknown>;
}

export interface FloorOptions {
  /** false: no model in the repository. */
  model?: TinyModelOptions | false;
  /** false: consumers and workers of inference do not run in this process. */
  inference?: boolean;
  disposition?: boolean;
  /** A folder of models in place of the tiny one. */
  modelsDir?: string;
  /** The version that the database knew, and that judges, before the others of that folder came. None: all come to a new database. */
  judging?: number;
  workers?: number;
  /** No looks at judged inspections when left out. */
  review?: Omit<ReviewSettings, 'repeatShare'> & { repeatShare?: number };
  baselineBoards?: number;
  governed?: Partial<GovernedSettings>;
  noModelMs?: number;
  /** A store of files in place of a folder of its own. */
  blobs?: Blobs;
  /** A second process on the same database and pictures; it does not make the sites again. */
  beside?: Floor;
}

export interface Floor extends TestDatabase {
  app: App;
  bus: Bus;
  blobs: Blobs;
  metrics: Metrics;
  modelsDir: string;
  call(who: Who, method: 'GET' | 'POST', url: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  upload(who: Who, inspectionId: string, kind: string, bytes: Buffer): Promise<Answer>;
  create(type?: string, more?: Record<string, unknown>, who?: Who): Promise<string>;
  /** Puts a lot under a product revision with this template and these limits, as master data does, and tells of it. */
  assign(lotId: string, more: { template?: Buffer; limits?: MeasurementLimit[]; site?: string }): Promise<void>;
  inspection(id: string): Promise<Inspection>;
  /** Waits until the inspection is judged or waits for a person. */
  settled(id: string): Promise<Inspection>;
  /** Until all groups have handled all events and no run is queued. */
  quiet(): Promise<void>;
  rows<T>(text: string, values?: unknown[]): Promise<T[]>;
  events(type: string, inspectionId: string): Promise<PlatformEvent[]>;
}

/** Long enough for what has only the time that nobody else wants, such as a shadow's process, on a machine where every core is busy. */
const PATIENCE_MS = 120_000;

export async function until<T>(what: string, look: () => Promise<T | false | null | undefined>, ms = PATIENCE_MS): Promise<T> {
  for (const end = Date.now() + ms; ; await sleep(15)) {
    const found = await look();
    if (found) return found;
    if (Date.now() >= end) throw new Error(`${what} did not come within ${ms} ms`);
  }
}

function second(first: TestDatabase): TestDatabase {
  const db = first.open();
  const wakes: (() => void)[] = [];
  const door = openDoor({ db, source: 'second', wake: () => wakes.forEach((wake) => void wake()) });
  return { ...first, db, door, onCommit: (wake) => void wakes.push(wake) };
}

/** Intake, inference and disposition as one process runs them, over a real database, the real bus and a tiny model. */
export async function openFloor(t: { after(fn: () => Promise<void>): void }, options: FloorOptions = {}): Promise<Floor> {
  const endings: (() => Promise<unknown>)[] = [];
  t.after(async () => {
    for (const end of endings.reverse()) await end();
  });
  const database = options.beside ? second(options.beside) : await testDatabase({ after: (fn) => void endings.push(fn) });
  const { db, door } = database;
  const folder = await mkdtemp(join(tmpdir(), 'cqp-floor-'));
  endings.push(() => rm(folder, { recursive: true, force: true }));
  const modelsDir = options.modelsDir ?? join(folder, 'models');
  if (!options.modelsDir) await mkdir(modelsDir);
  if (options.model !== false && !options.modelsDir) await writeTinyModel(modelsDir, options.model ?? {});
  if (options.judging !== undefined) {
    for (const model of (await readRepository(modelsDir)).models)
      if (model.manifest.version === options.judging) await registerModel(door, model);
  }
  const blobs = options.blobs ?? options.beside?.blobs ?? (await openDiskBlobs({ folder: join(folder, 'blobs'), minFreePercent: 0 }));
  const log = createLog({ level: 'silent', service: 'test' });
  const metrics = createMetrics();
  const tail = openTail({ db, pollMs: 20 });
  const feed = openFeed({ db, tail });
  const bus = postgresBus({ db, door, tail });
  database.onCommit(() => tail.wake());
  database.onCommit(() => bus.wake());
  const slices = [
    intake({
      db,
      door,
      feed,
      blobs,
      log,
      metrics,
      settings: {
        lotIdPattern: /^LOT-\d{4}-\d{3}$/,
        inputTimeoutMs: 900_000,
        uploadLimit: 2 ** 26,
        uploadTimeoutMs: 10_000,
        batchLimit: 2 ** 24,
        pictureQuotaBytes: null,
      },
    }),
    inference({
      db,
      door,
      blobs,
      metrics,
      log,
      judge: wouldJudge,
      settings: {
        modelsDir,
        workers: options.workers ?? 1,
        timeoutMs: 10_000,
        graceMs: 3000,
        ...(options.noModelMs === undefined ? {} : { noModelMs: options.noModelMs }),
        // A side has only the time that nobody else wants.
        governed: { sideTimeoutMs: 60_000, ...options.governed },
      },
    }),
    disposition({
      db,
      door,
      metrics,
      settings: { repeatShare: 0, ...(options.review ?? { auditShare: 0, auditSeed: '1', severityFrom: 'off', disagreements: 0 }) },
    }),
    monitoring({ db, door, metrics, settings: { baselineBoards: options.baselineBoards ?? 200 } }),
  ];
  const app = await createApp({
    authenticate: (token) => {
      const caller = (CALLERS as Record<string, Caller>)[token];
      if (!caller) throw new ProblemError('unauthorized');
      return caller;
    },
    log,
    metrics,
    rateLimit: 1_000_000,
    maxDelayMs: 60_000,
  });
  await db.pool.query(
    `insert into masterdata.site (code, name, time_zone) values ('${SITE}', 'Hamburg', 'Europe/Berlin'), ('${OTHER_SITE}', 'Penang', 'Asia/Kuala_Lumpur')
     on conflict do nothing`,
  );
  for (const slice of slices) await slice.routes?.(app);
  await app.ready();
  endings.push(() => app.close());
  const running = slices.filter(({ name }) => name === 'intake' || options[name as 'inference' | 'disposition'] !== false);
  for (const slice of running) for (const consumer of slice.consumers ?? []) bus.subscribe(consumer);
  await feed.start();
  await bus.start();
  endings.push(async () => {
    await bus.stop();
    await feed.stop();
  });
  for (const slice of running) {
    await slice.background?.start();
    endings.push(async () => slice.background?.stop());
  }

  const floor: Floor = {
    ...database,
    app,
    bus,
    blobs,
    metrics,
    modelsDir,
    async call(who, method, url, body, headers = {}) {
      const answer = await app.inject({
        method,
        url,
        headers: { authorization: `Bearer ${who}`, ...headers },
        ...(body === undefined ? {} : { payload: body as object }),
      });
      const isJson = /[/+]json/.test(String(answer.headers['content-type'] ?? ''));
      return { status: answer.statusCode, body: isJson && answer.body ? answer.json() : { text: answer.body }, headers: answer.headers };
    },
    async upload(who, inspectionId, kind, bytes) {
      const answer = await app.inject({
        method: 'POST',
        url: `/v1/inspections/${inspectionId}/artifacts?kind=${kind}`,
        headers: { authorization: `Bearer ${who}`, 'content-type': 'image/png' },
        payload: bytes,
      });
      return { status: answer.statusCode, body: answer.json(), headers: answer.headers };
    },
    async create(type = 'visual', more = {}, who = 'station') {
      const body = { lot_id: 'LOT-2025-001', chip_id: `PCB-${Math.random().toString(36).slice(2, 10)}`, inspection_type: type, ...more };
      const { status, body: made } = await floor.call(who, 'POST', '/v1/inspections', body);
      if (status !== 201) throw new Error(`create answered ${status}: ${JSON.stringify(made)}`);
      return String(made.id);
    },
    async assign(lotId, { template, limits = [], site = SITE }) {
      const kept = template
        ? await stored(
            blobs,
            (async function* () {
              yield template;
            })(),
            { limit: 2 ** 30 },
          )
        : null;
      const revision = `R${Date.now()}${Math.floor(Math.random() * 1000)}`;
      await door.change(
        { actor: { subject: 's', name: 'masterdata', kind: 'system' }, requestId: null, traceId: 'a'.repeat(32) },
        async () => {
          await db.pool.query(
            `insert into masterdata.product_revision (product, revision, limits, policy_name, policy_version, template_sha256, template_content_type, template_size, created_by)
           values ('P', $1, $2, 'standard', 1, $3, 'image/png', $4, 'test')`,
            [revision, JSON.stringify(limits), kept?.sha256 ?? null, kept?.size ?? null],
          );
          const { rows } = await db.pool.query(
            `insert into masterdata.lot (site, lot_id, product, revision) values ($1, $2, 'P', $3)
           on conflict (site, lot_id) do update set product = 'P', revision = $3, version = masterdata.lot.version + 1 returning version`,
            [site, lotId, revision],
          );
          return {
            result: undefined,
            events: [
              {
                type: 'lot.assigned',
                site,
                key: `${site}/${lotId}`,
                aggregate: { type: 'lot', id: `${site}/${lotId}`, version: rows[0].version },
                payload: { lot_id: lotId, product: 'P', revision },
              },
            ],
            audit: [],
          };
        },
      );
    },
    async inspection(id) {
      const { status, body } = await floor.call('admin', 'GET', `/v1/inspections/${id}`);
      if (status !== 200) throw new Error(`inspection answered ${status}: ${JSON.stringify(body)}`);
      return body as unknown as Inspection;
    },
    settled: (id) =>
      until(`the verdict of ${id}`, async () => {
        const inspection = await floor.inspection(id);
        return ['completed', 'awaiting_review'].includes(inspection.status) && inspection;
      }),
    async quiet() {
      const handled = async () => {
        const lag = await bus.lag();
        return lag.length > 0 && lag.every(({ events }) => events === 0);
      };
      await until('quiet', async () => {
        if (!(await handled())) return false;
        const [jobs] = await floor.rows<{ n: number }>(`select count(*)::int as n from inference.job where state in ('queued', 'running')`);
        // Once more: the last of them may have ended since, and its event be on the way.
        return jobs?.n === 0 && (await handled());
      });
    },
    async rows<T>(text: string, values: unknown[] = []) {
      return (await db.pool.query(text, values)).rows as T[];
    },
    async events(type, inspectionId) {
      // Whatever is committed: a feed would not tell yet what an older open transaction hides.
      const rows = await floor.rows<{ event: PlatformEvent }>(
        `select event from platform.outbox where event ->> 'event_type' = $1 and event -> 'payload' ->> 'inspection_id' = $2 order by xid, seq`,
        [type, inspectionId],
      );
      return rows.map(({ event }) => event);
    },
  };
  return floor;
}
