import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { Lifecycle } from '../lifecycle.ts';
import { ProblemError } from '../problem.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { App } from './app.ts';
import { hashRequest } from './bodies.ts';
import { type RouteTable, template } from './routes.ts';
import { hostFilter, SECURITY_HEADERS, STRICT_TRANSPORT } from './security.ts';
import { traceFor, traceOf } from './trace.ts';

export interface ArriveOptions {
  allowedHosts: readonly string[];
  log: Log;
  metrics: Metrics;
  lifecycle: Lifecycle;
  table: RouteTable;
}

/** Probes come by the address of the machine, and a scrape too: they are answered under any host name. */
const ANY_HOST = /^\/(?:health(?:\/|$|\?)|metrics(?:$|\?))/;
const QUIET = /^\/(?:health(?:\/|$)|metrics$)/;
/** Files of a page: counted by nobody, there are many. */
const FILE = /\.[a-z0-9]+$|\/static\/\*$/i;
const INSPECTION = /^\/v1\/inspections\/([0-9a-fA-F-]{36})(?:[/?]|$)/;

/** Collects the route table and the meters, and refuses routes that ask for nothing: the start fails, naming them all. */
export function addRouteRegister(app: App, options: Pick<ArriveOptions, 'metrics' | 'table'>): void {
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => {
    const methods = Array.isArray(route.method) ? route.method : [route.method];
    if (route.url === '*') {
      route.config = { ...route.config, permission: 'none' };
      return;
    }
    options.table.add(route.url, methods);
    routes.push(route);
    if (QUIET.test(route.url) || FILE.test(route.url)) return;
    const handler = template(route.url);
    route.config = { ...route.config, meters: new Map(methods.map((method) => [method, options.metrics.route(method, handler)])) };
  });
  app.addHook('onReady', (done) => {
    const open = routes.filter((route) => route.config?.permission === undefined).map((route) => `${String(route.method)} ${route.url}`);
    done(open.length > 0 ? new Error(`Routes without a permission: ${open.join('; ')}`) : undefined);
  });
}

/** What every request gets before it is judged: its id, the security headers, its place in the counts; and one log line at its end. */
export function addArrival(app: App, options: ArriveOptions): void {
  const { log, lifecycle } = options;
  const hostAllowed = hostFilter(options.allowedHosts);

  app.decorateRequest('caller', null as never);
  app.decorateRequest('bodyHash', '');
  app.decorateRequest('bodyTimer', null);
  app.decorateRequest('bodyTimedOut', null);
  app.decorateRequest('traceIdGiven', '');
  app.decorateRequest('place', null);
  app.decorateRequest('traceId', {
    getter(this: FastifyRequest) {
      if (this.traceIdGiven === '') this.traceIdGiven = traceOf(this.headers.traceparent) ?? traceFor(this.id);
      return this.traceIdGiven;
    },
  });
  app.decorateRequest('cause', function (this: FastifyRequest, bodyHash?: string) {
    const { subject, name, kind } = this.caller;
    const key = this.method === 'POST' ? this.headers['idempotency-key'] : undefined;
    const cause = { actor: { subject, name, kind }, requestId: this.id, traceId: this.traceId };
    if (typeof key !== 'string') return cause;
    const requestHash = bodyHash !== undefined || this.bodyHash === '' ? hashRequest(this, bodyHash ?? '') : this.bodyHash;
    return { ...cause, idempotency: { caller: subject, key, requestHash } };
  });

  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(SECURITY_HEADERS).header('x-request-id', request.id);
    if (request.protocol === 'https') reply.header('strict-transport-security', STRICT_TRANSPORT);
    if (lifecycle.phase === 'draining' || lifecycle.phase === 'stopped') reply.header('connection', 'close');
    if ((request.raw as { upgrade?: boolean }).upgrade === true) endRefusedUpgrade(request, reply);
    else count(request, reply);
    if (!hostAllowed(request.host) && !ANY_HOST.test(request.url)) return done(new ProblemError('host_not_allowed'));
    if (request.method === 'OPTIONS') return answerOptions(request, reply, done, options.table);
    done();
  });

  function count(request: FastifyRequest, reply: FastifyReply): void {
    const start = performance.now();
    const meter = request.is404 ? undefined : request.routeOptions.config.meters?.get(request.method);
    let open = true;
    lifecycle.enter();
    if (meter !== undefined) meter.inProgress += 1;
    const end = () => {
      if (!open) return;
      open = false;
      lifecycle.leave();
      request.place?.leave();
      if (request.bodyTimer !== null) clearTimeout(request.bodyTimer);
      const millis = performance.now() - start;
      const status = reply.raw.headersSent ? reply.raw.statusCode : 499;
      if (meter !== undefined) {
        meter.inProgress -= 1;
        meter.done(status, millis / 1000);
      }
      writeLine(request, status, millis, meter?.handler);
    };
    reply.raw.once('finish', end).once('close', end);
  }

  function writeLine(request: FastifyRequest, status: number, millis: number, handler: string | undefined): void {
    const route = handler ?? (request.is404 ? undefined : request.routeOptions.config.url);
    const path = pathOf(request.url);
    const line: Record<string, unknown> = {
      method: request.method,
      route: handler ?? (route === undefined ? 'none' : template(route)),
      status,
      duration_ms: Math.round(millis * 100) / 100,
      request_id: request.id,
      client_ip: request.ip,
    };
    const inspection = INSPECTION.exec(path);
    if (inspection) line.inspection_id = inspection[1];
    if ((request.caller as unknown) !== null) line.caller = request.caller.name;
    if (request.traceIdGiven !== '') line.trace_id = request.traceIdGiven;
    if (route !== undefined && QUIET.test(route)) log.debug(line, 'request');
    else log.info(line, 'request');
  }
}

/** After an upgrade nobody reads the socket any more: one that was refused has to be closed by us, or it stays for ever. */
function endRefusedUpgrade(request: FastifyRequest, reply: FastifyReply): void {
  const { socket } = request.raw;
  reply.header('connection', 'close');
  reply.raw.once('finish', () => socket.destroySoon());
}

export const pathOf = (url: string): string => {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
};

/** Unknown addresses stay 404, a preflight goes on to CORS, and a plain OPTIONS is told what there is. */
function answerOptions(request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void, table: RouteTable): void {
  const allowed = table.allowed(pathOf(request.url));
  if (allowed.length === 0) done(new ProblemError('not_found'));
  else if (request.headers['access-control-request-method'] !== undefined && request.headers.origin !== undefined) done();
  else
    reply
      .code(204)
      .header('allow', [...allowed, 'OPTIONS'].join(', '))
      .send();
}
