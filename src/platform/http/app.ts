import './request.ts';
import compress from '@fastify/compress';
import cors, { type FastifyCorsOptions } from '@fastify/cors';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyPluginCallback,
  LogController,
  type onRequestHookHandler,
  type preHandlerHookHandler,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from 'fastify';
import { uuidv7 } from '../id.ts';
import { createLifecycle, type Lifecycle } from '../lifecycle.ts';
import { clientLeft, ProblemError } from '../problem.ts';
import type { Log } from '../telemetry/log.ts';
import { createLog } from '../telemetry/log.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { addAddressJudgement } from './address.ts';
import { addAdmission, bodySize } from './admission.ts';
import { addArrival, addRequestFacts, addRouteRegister } from './arrive.ts';
import { addBodyParsing } from './bodies.ts';
import { watchBodies } from './body-watch.ts';
import { watchConnections } from './connections.ts';
import { type CreationOptions, createCreationGate } from './creations.ts';
import { addDocument, type DocumentOptions } from './document.ts';
import { addErrors, bodyTimedOut, clientError, sendProblem } from './errors.ts';
import { type Authenticate, addJudgement } from './judge.ts';
import { createLimiter, type Limiter } from './limits.ts';
import { createPressure } from './pressure.ts';
import { createQueue } from './queue.ts';
import { RouteTable } from './routes.ts';
import { contractSchemas } from './schemas.ts';
import { sanRequestId } from './trace.ts';
import { validatorFactory } from './validation.ts';

/** The HTTP application: Fastify with TypeBox types, callers, errors, limits and shapes already in place. */
export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** Where the live stream is: the only address that may upgrade a connection. */
export const STREAM_PATH = '/v1/stream';

/** Everything has the default of the embedded platform. Times in milliseconds, sizes in bytes. */
export interface AppOptions {
  /** Without it every token is refused. */
  authenticate?: Authenticate;
  log?: Log;
  metrics?: Metrics;
  lifecycle?: Lifecycle;
  allowedHosts?: readonly string[];
  corsOrigins?: readonly string[];
  /** Addresses of proxies whose X-Forwarded headers count; none by default. */
  trustProxy?: readonly string[];
  /** Requests a second of one client; ten seconds' worth may come at once. */
  rateLimit?: number;
  /** Failed tokens a minute from one address. */
  failedTokenLimit?: number;
  /** Hears of the two limits, where several processes keep them together. */
  shareLimit?: (name: string, limiter: Limiter) => void;
  requestTimeoutMs?: number;
  headersTimeoutMs?: number;
  uploadTimeoutMs?: number;
  keepAliveTimeoutMs?: number;
  /** A client that takes nothing of its answer for so long is cut off. */
  stallTimeoutMs?: number;
  /** For reads and exports; creations are bounded by the time-outs of what they call. */
  handlerTimeoutMs?: number;
  bodyLimit?: number;
  /** How many creations may be inside, and when a burst becomes an overload. */
  creations?: CreationOptions;
  /** Inspections that are created at once; others wait for their turn. */
  createConcurrency?: number;
  /** Mean event loop delay that counts as load 1, and the queue that does: creations that wait, and what `waiting` tells. */
  maxDelayMs?: number;
  waiting?: () => number;
  maxWaiting?: number;
  /** Addresses that the OpenAPI document names. */
  document?: DocumentOptions;
  /** Shapes that `ref()` may name; those of the contracts when left out. */
  schemas?: readonly (object & { $id: string })[];
}

/** Creations that wait for nothing but their commit. */
const CREATIONS_NO_LINE = 100;
const HEADER_BLOCK = 16 * 1024;
const BURST_SECONDS = 10;
const NO_ONE: Authenticate = () => {
  throw new ProblemError('unauthorized');
};

/** Builds the application; slices add their routes, then `ready()` checks that every route asks for a permission. */
export async function createApp(options: AppOptions = {}): Promise<App> {
  const log = options.log ?? createLog({ level: 'silent', service: 'test' });
  const metrics = options.metrics ?? createMetrics();
  const lifecycle = options.lifecycle ?? createLifecycle({ drainDelayMs: 0, shutdownTimeoutMs: 20_000, log });
  const requestTimeoutMs = options.requestTimeoutMs ?? 20_000;
  const requestTimeout = Math.max(requestTimeoutMs, options.uploadTimeoutMs ?? 120_000);
  const keepAliveTimeout = options.keepAliveTimeoutMs ?? 65_000;
  const rate = options.rateLimit ?? 1000;
  const failed = options.failedTokenLimit ?? 1000;
  const table = new RouteTable();
  const queue = createQueue({ concurrency: options.createConcurrency ?? 32 });
  const bodies = watchBodies(requestTimeoutMs, bodyTimedOut);
  const creations = createCreationGate(options.creations);
  const pressure = createPressure({
    maxDelayMs: options.maxDelayMs ?? 250,
    maxWaiting: options.maxWaiting ?? 500,
    waiting: () => Math.max(queue.waiting, creations.inside - CREATIONS_NO_LINE) + (options.waiting?.() ?? 0),
    observe: (seconds) => metrics.eventLoopDelay.set(seconds),
  });

  const app = fastify({
    loggerInstance: log as FastifyBaseLogger,
    // One logger for all: a child a request would cost 1 us and nobody asks for it.
    childLoggerFactory: (logger) => logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return sanRequestId(given) ? given : uuidv7();
    },
    http: {
      maxHeaderSize: HEADER_BLOCK,
      // A request without `Host` is refused like one with a foreign one, in the words of every error.
      requireHostHeader: false,
      headersTimeout: Math.min(keepAliveTimeout, requestTimeout),
      connectionsCheckingInterval: 5000,
      shouldUpgradeCallback: (request) =>
        request.headers.upgrade?.toLowerCase() === 'websocket' &&
        request.method === 'GET' &&
        (request.url ?? '').split('?', 1)[0] === STREAM_PATH,
    },
    requestTimeout,
    connectionTimeout: 150_000,
    keepAliveTimeout,
    bodyLimit: options.bodyLimit ?? 1024 * 1024,
    trustProxy: options.trustProxy && options.trustProxy.length > 0 ? [...options.trustProxy] : false,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 2048 },
    clientErrorHandler: clientError,
    frameworkErrors: (_error, request, reply) => {
      sendProblem(request, reply.header('x-request-id', request.id), new ProblemError('not_found'));
    },
    schemaController: {
      compilersFactory: { buildValidator: validatorFactory() as never },
    },
  }).withTypeProvider<TypeBoxTypeProvider>() as App;

  // An expectation that nobody knows may be left unmet (RFC 9110, 10.1.1): Node's own answer would be one without a body.
  app.server.on('checkExpectation', (request, response) => app.routing(request, response));
  for (const schema of options.schemas ?? contractSchemas()) app.addSchema(schema);
  addRouteRegister(app, { metrics, table });
  const takePlace: preHandlerHookHandler = (request, _reply, done) => {
    // Its place would be given back by nobody.
    if (!request.open) return done(clientLeft());
    request.place = queue.enter(bodySize(request), (place, error) => {
      // The handler may run within `done`, and give the place back.
      request.place = place;
      done(error);
    });
  };
  app.addHook('onRoute', (route) => {
    if (route.config?.lean === true) route.compress = false;
    if (route.config?.class === 'create' && route.config.lean !== true) {
      const others = route.preHandler === undefined ? [] : [route.preHandler].flat();
      route.preHandler = [takePlace, ...others] as typeof others;
    }
    if (route.config?.forwarded === true) {
      route.compress = false;
      return;
    }
    const reads = route.method === 'GET' || route.method === 'HEAD';
    if (!reads || (route as { websocket?: boolean }).websocket === true || route.config?.class === 'create') return;
    route.handlerTimeout ??= options.handlerTimeoutMs ?? 30_000;
    route.compress ??= route.url.endsWith('/content') ? false : {};
  });
  await addDocument(app, options.document);
  addRequestFacts(app);
  const connections = watchConnections(app, { stallMs: options.stallTimeoutMs ?? 20_000, headMs: options.headersTimeoutMs ?? 10_000 });
  addAdmission(app, { pressure, creations, metrics, log, connections });
  addErrors(app, { log, table, bodies });
  addArrival(app, {
    allowedHosts: options.allowedHosts ?? ['localhost', '127.0.0.1', '[::1]'],
    log,
    lifecycle,
    table,
    bodies,
    connections,
  });
  await app.register(corsWithOrigin, {
    origin: [...(options.corsOrigins ?? ['https://quality-dashboard.company.com'])],
    credentials: true,
    methods: ['GET', 'POST', 'PUT', 'DELETE'],
    exposedHeaders: ['ETag', 'Location', 'X-Request-ID', 'Retry-After'],
    maxAge: 600,
  });
  await app.register(compress, { global: false, globalDecompression: false, threshold: 1000, encodings: ['gzip'] });
  const requests = createLimiter({ rate, burst: rate * BURST_SECONDS });
  const failures = createLimiter({ rate: failed / 60, burst: failed });
  options.shareLimit?.('requests', requests);
  options.shareLimit?.('failures', failures);
  addJudgement(app, {
    authenticate: options.authenticate ?? NO_ONE,
    requests,
    failures,
    pressure,
    metrics,
    bodies,
  });
  addBodyParsing(app, bodies);
  addAddressJudgement(app);
  app.addHook('onReady', (done) => {
    pressure.start();
    bodies.start();
    done();
  });
  app.addHook('onClose', (_instance, done) => {
    pressure.stop();
    bodies.stop();
    queue.stop();
    connections.stop();
    done();
  });
  return app;
}

/** For requests that say where they come from (a browser's page); the others it would only cost time. */
const corsWithOrigin: FastifyPluginCallback<FastifyCorsOptions> = (instance, options, done) => {
  const scoped = Object.create(instance, {
    addHook: {
      value: (name: 'onRequest', hook: onRequestHookHandler) =>
        instance.addHook(name, function (request, reply, next) {
          if (request.headers.origin === undefined && request.method !== 'OPTIONS') next();
          else hook.call(this, request, reply, next);
        }),
    },
  }) as typeof instance;
  cors(scoped, options, done);
};
// As fastify-plugin marks what is meant for the application that registers it, not for a scope of its own.
Object.assign(corsWithOrigin, { [Symbol.for('skip-override')]: true });
