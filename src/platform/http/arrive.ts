import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { Lifecycle } from '../lifecycle.ts';
import { ProblemError } from '../problem.ts';
import { type Log, requestLines } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { App } from './app.ts';
import { hashRequest } from './bodies.ts';
import type { BodyWatch } from './body-watch.ts';
import type { Connections } from './connections.ts';
import { type RouteTable, template } from './routes.ts';
import { hostFilter, SECURITY_HEADERS, SECURITY_LIST, STRICT_TRANSPORT } from './security.ts';
import { traceFor, traceOf } from './trace.ts';

export interface ArriveOptions {
  allowedHosts: readonly string[];
  log: Log;
  lifecycle: Lifecycle;
  table: RouteTable;
  bodies: BodyWatch;
  connections: Connections;
}

/** Probes come by the address of the machine, and a scrape too: they are answered under any host name. */
const ANY_HOST = /^\/(?:health(?:\/|$|\?)|metrics(?:$|\?))/;
const QUIET = /^\/(?:health(?:\/|$)|metrics$)/;
/** Files of a page: counted by nobody, there are many. */
const FILE = /\.[a-z0-9]+$|\/static\/\*$/i;
const JSON_TYPE = 'application/json; charset=utf-8';
const PLAIN_HEADERS = [...SECURITY_LIST, 'content-type', JSON_TYPE];
const INSPECTION = /^\/v1\/inspections\/([0-9a-fA-F-]{36})(?:[/?]|$)/;

/** Collects the route table and the meters, and refuses routes that ask for nothing: the start fails, naming them all. */
export function addRouteRegister(app: App, options: { metrics: Metrics; table: RouteTable }): void {
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => {
    const methods = Array.isArray(route.method) ? route.method : [route.method];
    if (route.url === '*') {
      route.config = { ...route.config, permission: 'none' };
      return;
    }
    if (route.config?.only === undefined) options.table.add(route.url, methods);
    else options.table.only(route.url, route.config.only);
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

/** Facts that every later step asks for, read once. The first hook of all. */
export function addRequestFacts(app: App): void {
  app.decorateRequest('route', null as never);
  app.decorateRequest('startedAt', 0);
  app.decorateRequest('leave', null);
  app.addHook('onRequest', (request, _reply, done) => {
    request.route = request.routeOptions;
    request.startedAt = performance.now();
    done();
  });
}

/** What every request gets before it is judged: its id, the security headers, its place in the counts; and one log line at its end. */
export function addArrival(app: App, options: ArriveOptions): void {
  const { lifecycle, bodies, connections } = options;
  const write = requestLines(options.log);
  const hostAllowed = hostFilter(options.allowedHosts);

  app.decorateRequest('open', false);
  app.decorateRequest('counted', false);
  app.decorateRequest('meter', undefined);
  app.decorateRequest('caller', null as never);
  app.decorateRequest('bodyHash', '');
  app.decorateRequest('bodyUntil', 0);
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
    const actor = { subject, name, kind };
    const { id: requestId, traceId } = this;
    if (typeof key !== 'string') return { actor, requestId, traceId };
    const requestHash = bodyHash !== undefined || this.bodyHash === '' ? hashRequest(this, bodyHash ?? '') : this.bodyHash;
    return { actor, requestId, traceId, idempotency: { caller: subject, key, requestHash } };
  });

  const leaving = () => lifecycle.phase === 'draining' || lifecycle.phase === 'stopped';
  function addHeaders(request: FastifyRequest, reply: FastifyReply): void {
    reply.headers(SECURITY_HEADERS).header('x-request-id', request.id);
    if (request.protocol === 'https') reply.header('strict-transport-security', STRICT_TRANSPORT);
    if (leaving()) reply.header('connection', 'close');
  }

  app.decorateReply('sendText', function (this: FastifyReply, { status, text, location, version }) {
    const { request, raw } = this;
    if (request.headers.origin !== undefined || request.protocol === 'https' || leaving())
      return void this.code(status).header('location', location).header('etag', `"${version}"`).type(JSON_TYPE).send(text);
    this.hijack();
    const length = Buffer.byteLength(text);
    raw.writeHead(status, [
      ...PLAIN_HEADERS,
      'x-request-id',
      request.id,
      'location',
      location,
      'etag',
      `"${version}"`,
      'content-length',
      String(length),
    ]);
    // Of ASCII the bytes are the same, and Node copies them as they are.
    raw.end(text, length === text.length ? 'latin1' : 'utf8');
    end(request, raw.destroyed ? 499 : status);
  });

  app.addHook('onRequest', (request, reply, done) => {
    const { route } = request;
    if (route.config?.lean === true) enter(request);
    else {
      addHeaders(request, reply);
      if ((request.raw as { upgrade?: boolean }).upgrade === true) endRefusedUpgrade(request, reply);
      else {
        enter(request);
        // Node tells `close` after `finish` as well as when the client is gone.
        reply.raw.once('close', () => end(request, reply.raw.headersSent ? reply.raw.statusCode : 499));
      }
    }
    // From HTTP/1.1 on a request says for whom it is (RFC 9112, 3.2).
    const named = request.headers.host !== undefined || request.raw.httpVersion === '1.0';
    if (!named || (!hostAllowed(request.host) && !ANY_HOST.test(request.url))) return done(new ProblemError('host_not_allowed'));
    if (request.method === 'OPTIONS') return answerOptions(request, reply, done, options.table);
    done();
  });
  app.addHook('onRoute', (route) => {
    if (route.config?.lean !== true) return;
    route.onSend = (request, reply, payload, done) => {
      addHeaders(request, reply);
      end(request, reply.raw.destroyed ? 499 : reply.statusCode);
      done(null, payload);
    };
  });

  function enter(request: FastifyRequest): void {
    const { route } = request;
    const meter = route.url === undefined ? undefined : route.config.meters?.get(request.method);
    request.open = true;
    request.counted = lifecycle.enter();
    if (meter === undefined) return;
    request.meter = meter;
    meter.inProgress += 1;
  }

  function end(request: FastifyRequest, status: number): void {
    if (!request.open) return;
    request.open = false;
    if (request.counted) lifecycle.leave();
    request.place?.leave();
    request.leave?.(status < 300 && request.route.config.lean === true);
    bodies.forget(request);
    connections.answered(request.raw);
    const millis = performance.now() - request.startedAt;
    const { meter } = request;
    if (meter !== undefined) {
      meter.inProgress -= 1;
      meter.done(status, millis / 1000);
    }
    writeLine(request, status, millis, meter?.handler);
  }

  function writeLine(request: FastifyRequest, status: number, millis: number, handler: string | undefined): void {
    const { url } = request.route;
    write(url !== undefined && QUIET.test(url) ? 'debug' : 'info', {
      method: request.method,
      route: handler ?? (url === undefined ? 'none' : template(url)),
      status,
      duration_ms: Math.round(millis * 100) / 100,
      request_id: request.id,
      client_ip: request.ip,
      inspection_id: INSPECTION.exec(request.url)?.[1],
      caller: (request.caller as unknown) === null ? undefined : request.caller.name,
      trace_id: request.traceIdGiven === '' ? undefined : request.traceIdGiven,
    });
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
