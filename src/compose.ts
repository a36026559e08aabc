import { fileURLToPath } from 'node:url';
import type { Config } from './config.ts';
import { startDemo } from './demo.ts';
import { healthParts } from './health-parts.ts';
import { budgetOf, type Infrastructure, openInfrastructure } from './infrastructure.ts';
import type { Masterdata } from './masterdata/index.ts';
import { longestSendMs } from './platform/blob/blobs.ts';
import type { DatabaseAddress } from './platform/db/database.ts';
import type { Cause } from './platform/db/door.ts';
import { createApp } from './platform/http/app.ts';
import { createLifecycle, type Lifecycle } from './platform/lifecycle.ts';
import { freePort } from './platform/ports.ts';
import type { Member } from './platform/processes/member.ts';
import { type LimitSharing, shareLimits } from './platform/shared-state/share-limits.ts';
import type { Slice } from './platform/slice.ts';
import { createLog, type Log } from './platform/telemetry/log.ts';
import { createMetrics, type Metrics } from './platform/telemetry/metrics.ts';
import { SERVICE_SLICES, SLICES } from './services.ts';

const VERSION = '1.0.0';

export interface Platform {
  /** As users and stations see it. */
  readonly url: string;
  /** As this machine reaches it. */
  readonly listening: string;
  /** `demo-credentials.json`, where this process wrote it. */
  readonly credentialsFile: string | null;
  readonly lifecycle: Lifecycle;
  close(): Promise<void>;
}

/** What one of several processes does of the whole. */
export interface Part {
  /** The same in all processes of a program, and in no other program. */
  readonly program: string;
  readonly index: number;
  /** The embedded database that the first process has opened; null: that of the configuration. */
  readonly database: DatabaseAddress | null;
  /** Inference threads of this process; 0: others run the models. */
  readonly inferenceThreads: number;
}

const SYSTEM: Cause = { actor: { subject: 'system', name: 'bootstrap', kind: 'system' }, requestId: null, traceId: '0'.repeat(32) };

/** Connections that the kernel holds until they are accepted: Node's 511 left some of 10,000 that came within a second unanswered. */
const BACKLOG = 65_535;

/** Where the kernel deals connections out to the processes of a group (SO_REUSEPORT); elsewhere the first process hands them round: docs/adr/0013. */
const SHARED_PORT = process.platform === 'linux';

/** Mean delay of the event loop (milliseconds) at which reads are shed: a busy laptop just after the start is no overload. */
const MAX_LOOP_DELAY = 1000;

/** The longest read (milliseconds), and how much later a gateway gives up than the service that it asked. */
const HANDLER_TIMEOUT = 30_000;
const FORWARD_MARGIN = 5000;

/** Creations at work at once: two thirds of the connections, so that the rest is for reads and consumers. */
function createConcurrency(config: Config): number {
  const { poolSize, overflow } = budgetOf(config);
  return Math.max(2, Math.floor(((poolSize + overflow) * 2) / 3));
}

const inRoot = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

interface Ground extends Infrastructure {
  readonly config: Config;
  readonly member: Member<Part> | null;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly lifecycle: Lifecycle;
  readonly baseUrl: string;
}

/** The accounts of the demo are made on embedded data, and on a given server outside production, where there would be nobody to sign in otherwise. */
const hasDemoAccounts = (config: Config): boolean => config.databaseUrl === null || !config.production;

/** Whether this process is where people and stations sign in: it alone opens the signing keys. */
const signsIn = (config: Config): boolean => config.services.includes('gateway');

/** What a gateway forwards: the services that have an address and do not run in this process. */
const elsewhere = (config: Config) => ({
  addresses: {
    ...(config.INSPECTION_URL === null || config.services.includes('inspection') ? {} : { inspection: config.INSPECTION_URL }),
    ...(config.INFERENCE_URL === null || config.services.includes('inference') ? {} : { inference: config.INFERENCE_URL }),
  },
  bounds: {
    answerMs: Math.max(HANDLER_TIMEOUT, config.INFERENCE_TIMEOUT) + FORWARD_MARGIN,
    uploadMs: config.UPLOAD_TIMEOUT + longestSendMs(config.UPLOAD_LIMIT) + FORWARD_MARGIN,
  },
});

/** What the page of the dashboard has to know of an outside provider. */
const outsideSignIn = (config: Config) =>
  config.OIDC_ISSUER === null
    ? null
    : {
        issuer: config.OIDC_ISSUER,
        client_id: config.OIDC_CLIENT_ID,
        scope: config.OIDC_SCOPE,
        audience: config.OIDC_AUDIENCE_PARAMETER === 'none' ? {} : { [config.OIDC_AUDIENCE_PARAMETER]: config.OIDC_AUDIENCE },
      };

async function openIdentity({ config, db, door, log, baseUrl }: Ground, shareLimit: LimitSharing['add']) {
  const { identity } = await SLICES.identity();
  return identity({
    db,
    door,
    log,
    baseUrl: () => baseUrl,
    audience: config.OIDC_AUDIENCE,
    dataDir: config.dataDir,
    secret: config.IDENTITY_SECRET,
    tokenLifetimeSeconds: config.TOKEN_LIFETIME / 1000,
    outside: config.OIDC_ISSUER === null ? null : { issuer: config.OIDC_ISSUER, jwksUrl: config.OIDC_JWKS_URL },
    demo: hasDemoAccounts(config),
    shareLimit,
  });
}
type Identity = Awaited<ReturnType<typeof openIdentity>>;

/** The slices of the services that this process runs, each with its typed record of dependencies. */
async function openSlices(ground: Ground, identity: Identity): Promise<Slice[]> {
  const { config, db, lists, door, feed, blobs, log, metrics, lifecycle, member } = ground;
  const uploads = { uploadLimit: config.UPLOAD_LIMIT, uploadTimeoutMs: config.UPLOAD_TIMEOUT, lotIdPattern: config.lotIdPattern };
  const { probes, ownDocument } = await SLICES.gateway();
  const open = {
    gateway: async () =>
      (await SLICES.gateway()).gateway({
        dashboardDir: inRoot('web/dist'),
        outsideSignIn: outsideSignIn(config),
        elsewhere: elsewhere(config),
      }),
    identity: async () => identity,
    realtime: async () =>
      (await SLICES.realtime()).realtime({
        feed,
        authenticate: identity.authenticate,
        metrics,
        lifecycle,
        origins: config.CORS_ORIGINS,
      }),
    audit: async () => (await SLICES.audit()).audit({ db, lists }),
    masterdata: async () => (await SLICES.masterdata()).masterdata({ db, lists, door, blobs, log, settings: uploads }),
    intake: async () =>
      (await SLICES.intake()).intake({
        db,
        lists,
        door,
        feed,
        blobs,
        log,
        metrics,
        draining: lifecycle.signal,
        settings: {
          ...uploads,
          inputTimeoutMs: config.INPUT_TIMEOUT,
          batchLimit: config.BATCH_LIMIT,
          keepMeasurementsMs: config.RETENTION_MEASUREMENTS,
          pictureQuotaBytes: config.CQP_DEMO === 'on' && config.databaseUrl === null ? config.DEMO_PICTURE_QUOTA : null,
        },
      }),
    monitoring: async () =>
      (await SLICES.monitoring()).monitoring({ db, door, metrics, settings: { baselineBoards: config.DRIFT_BASELINE_BOARDS } }),
    disposition: async () =>
      (await SLICES.disposition()).disposition({
        db,
        door,
        metrics,
        settings: {
          auditShare: config.REVIEW_AUDIT_SHARE,
          auditSeed: config.REVIEW_AUDIT_SEED,
          severityFrom: config.REVIEW_SEVERITY_FROM as 'critical' | 'off',
          disagreements: config.REVIEW_DISAGREEMENTS,
          repeatShare: config.REVIEW_REPEAT_SHARE,
        },
      }),
    inference: async () =>
      (await SLICES.inference()).inference({
        db,
        door,
        blobs,
        metrics,
        log,
        draining: lifecycle.signal,
        judge: (await SLICES.disposition()).wouldJudge,
        settings: {
          modelsDir: config.MODELS_DIR === 'models' ? inRoot('models') : config.MODELS_DIR,
          workers: member?.part.inferenceThreads ?? config.INFERENCE_WORKERS,
          timeoutMs: config.INFERENCE_TIMEOUT,
          noModelMs: config.INPUT_TIMEOUT,
          version: VERSION,
          maxPixels: config.INFERENCE_MAX_PIXELS,
          triton:
            config.triton === null
              ? null
              : {
                  address: config.triton,
                  concurrency: config.TRITON_CONCURRENCY,
                  queue: config.TRITON_QUEUE,
                  fallback: config.TRITON_FALLBACK === 'embedded',
                },
          governed: {
            limits: {
              minBoards: config.CANARY_MIN_BOARDS,
              errorShare: config.CANARY_MAX_ERRORS / 100,
              latencyRatio: config.CANARY_MAX_LATENCY,
              disagreement: config.CANARY_MAX_DISAGREEMENT / 100,
            },
            watchMs: config.CANARY_WATCH,
            sideTimeoutMs: config.SHADOW_TIMEOUT,
            backlog: config.SHADOW_BACKLOG,
            rollbackPauseMs: config.ROLLBACK_PAUSE,
          },
        },
      }),
  };
  const names = [...new Set(config.services.flatMap((service) => SERVICE_SLICES[service]))];
  const slices = await Promise.all(names.map((name): Promise<Slice> => open[name]()));
  const { parts, ...background } = identity.verifying;
  const verifying: Slice[] = names.includes('identity') ? [] : [{ name: 'verifying', background, ...(parts && { parts }) }];
  return [
    probes({
      lifecycle,
      log,
      ping: () => db.ping(),
      version: VERSION,
      figures: member?.shareFigures(metrics) ?? metrics.render,
      metricsEnabled: config.ENABLE_METRICS,
      parts: Object.assign(healthParts(ground, member), ...[...verifying, ...slices].map((slice) => slice.parts)),
    }),
    ...verifying,
    ...(names.includes('gateway') ? [] : [ownDocument()]),
    ...slices,
  ];
}

/**
 * Starts everything that the configuration names, in order; `close` ends it in reverse. A failed start leaves nothing behind. With `member` this is one of
 * several processes: what exists once (the embedded database, the demo line) is opened by the process that started it.
 */
export async function compose(given: Config, member: Member<Part> | null = null): Promise<Platform> {
  const config = given.PORT === 0 ? { ...given, PORT: await freePort() } : given;
  const worker = member === null ? {} : { worker: member.part.index };
  const log = createLog({ level: config.LOG_LEVEL, service: config.SERVICE_NAME, ...worker });
  const lifecycle = createLifecycle({ drainDelayMs: config.DRAIN_DELAY, shutdownTimeoutMs: config.SHUTDOWN_TIMEOUT, log });
  const metrics = createMetrics({ process: true, ...worker });
  const shownHost = ['0.0.0.0', '::'].includes(config.HOST) ? 'localhost' : config.HOST;
  const listening = `http://${shownHost.includes(':') ? `[${shownHost}]` : shownHost}:${config.PORT}`;
  const baseUrl = (config.PUBLIC_URL ?? listening).replace(/\/$/, '');
  const closers: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer().catch((error: unknown) => log.error({ err: error }, 'close_failed'));
  };
  try {
    const infrastructure = await openInfrastructure(config, log, metrics, member?.part);
    closers.push(infrastructure.close);
    const sharing = shareLimits([member?.limits, infrastructure.redis].filter((channel) => channel != null));
    closers.push(async () => sharing.stop());
    const ground: Ground = { ...infrastructure, config, member, log, metrics, lifecycle, baseUrl };
    const identity = await openIdentity(ground, sharing.add);
    const slices = await openSlices(ground, identity);
    const app = await createApp({
      authenticate: identity.authenticate,
      log,
      metrics,
      lifecycle,
      allowedHosts: config.PUBLIC_URL ? [...config.ALLOWED_HOSTS, new URL(config.PUBLIC_URL).hostname] : config.ALLOWED_HOSTS,
      corsOrigins: config.CORS_ORIGINS,
      trustProxy: config.TRUST_PROXY,
      rateLimit: config.RATE_LIMIT,
      failedTokenLimit: config.FAILED_TOKEN_LIMIT,
      shareLimit: sharing.add,
      requestTimeoutMs: config.REQUEST_TIMEOUT,
      headersTimeoutMs: config.HEADERS_TIMEOUT,
      uploadTimeoutMs: config.UPLOAD_TIMEOUT,
      keepAliveTimeoutMs: config.KEEP_ALIVE_TIMEOUT,
      bodyLimit: config.BODY_LIMIT,
      handlerTimeoutMs: HANDLER_TIMEOUT,
      createConcurrency: createConcurrency(config),
      maxDelayMs: MAX_LOOP_DELAY,
      waiting: () => infrastructure.db.pool.waitingCount,
    });
    closers.push(() => app.close());
    for (const slice of slices) await slice.routes?.(app);
    await app.ready();
    for (const slice of slices) if (hasDemoAccounts(config) && 'bootstrap' in slice) await (slice as Masterdata).bootstrap(SYSTEM);
    if (signsIn(config)) await identity.prepare();
    await infrastructure.feed.start();
    closers.push(() => infrastructure.feed.stop());
    for (const slice of slices) {
      for (const consumer of slice.consumers ?? []) infrastructure.bus.subscribe(consumer);
      const background = slice.background;
      if (!background) continue;
      await background.start();
      closers.push(() => background.stop());
    }
    await infrastructure.bus.start();
    closers.push(() => infrastructure.bus.stop());
    // Fastify hands all of it to Node; its types know `reusePort` not yet.
    const listen = { host: config.HOST, port: config.PORT, backlog: BACKLOG, reusePort: member !== null && SHARED_PORT };
    await app.listen(listen);
    lifecycle.serving();
    const credentialsFile = signsIn(config) && (member?.part.index ?? 0) === 0 ? await identity.publish() : null;
    if (member === null) closers.push(await startDemo({ config, log, url: listening, credentialsFile }));
    return { url: baseUrl, listening, credentialsFile, lifecycle, close };
  } catch (error) {
    await close();
    throw error;
  }
}
