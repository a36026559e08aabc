import type { FastifyReply, FastifyRequest } from 'fastify';
import { ProblemError } from '../problem.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { asksToWait } from './address.ts';
import type { App } from './app.ts';
import { pathOf } from './arrive.ts';
import type { Connections } from './connections.ts';
import type { CreationGate } from './creations.ts';
import { lingeringClose } from './discard.ts';
import { holdBack, retryAfterFor } from './hold-back.ts';
import type { Pressure } from './pressure.ts';
import { errorText } from './problem-body.ts';
import type { RouteClass } from './request.ts';
import { SECURITY_LIST } from './security.ts';

/** Requests of a class at work at once: what is beyond would only wait for a database connection, before creations that wait for one too. */
const MOST: Readonly<Partial<Record<RouteClass, number>>> = { export: 8, read: 200 };
const TOLD_MS = 1000;
/** Bodies up to this are taken from the socket with their head, or cost little to take. */
const SMALL_BODY = 64 * 1024;

export interface AdmissionOptions {
  pressure: Pressure;
  creations: CreationGate;
  metrics: Metrics;
  log: Pick<Log, 'warn'>;
  connections: Connections;
}

/** The class under which a request is shed; undefined: never (writes, health, the sign-in). */
function classOf(request: FastifyRequest): RouteClass | undefined {
  const { config } = request.route;
  const exports = /text\/csv/i.test(request.headers.accept ?? '');
  if (config.class !== undefined) return config.class === 'audit' && exports ? 'export' : config.class;
  if (config.permission === 'none' || (request.method !== 'GET' && request.method !== 'HEAD')) return undefined;
  return exports ? 'export' : 'read';
}

/** Bodies of so many bytes are bounded by their number alone (20,000): those of creations one at a time, which large or slow ones must not shut out. */
const WEIGHTLESS = 4 * 1024;

/** What the body may come to weigh here; one that is too large is refused later for that. Without a length it is all that the route would take. */
export function bodySize(request: FastifyRequest): number {
  const { headers, route } = request;
  const limit = route.bodyLimit ?? 0;
  if (headers['content-length'] === undefined)
    return headers['transfer-encoding'] === undefined ? 0 : (route.config.holds?.(request) ?? limit);
  const length = Number(headers['content-length']);
  return length > limit || length <= WEIGHTLESS ? 0 : length;
}

const knowsWait = ({ schema }: FastifyRequest['route']): boolean =>
  (schema as { querystring?: { properties?: { wait?: unknown } } } | undefined)?.querystring?.properties?.wait !== undefined;

/** A long wait and a live stream hold a connection and nothing else: they have bounds of their own. */
const onlyWaits = (request: FastifyRequest): boolean =>
  request.route.config.subprotocolToken === true || (asksToWait(request) && knowsWait(request.route));

/**
 * The first thing that happens to a request, before anything is spent on it: it is let in, or told 503 with `Retry-After` from its head alone. Order:
 * exports, then reads and live streams, then creations, each by its own measure; writes that change a state, holds and the audit trail never.
 */
export function addAdmission(app: App, options: AdmissionOptions): void {
  const { pressure, creations, metrics } = options;
  const atWork = new Map<RouteClass, number>();
  const refused = new Map<RouteClass, number>();
  let telling: NodeJS.Timeout | null = null;

  function tell(): void {
    telling = null;
    options.log.warn({ refused: Object.fromEntries(refused), creations: creations.inside }, 'requests_shed');
    refused.clear();
  }

  function refuse(routeClass: RouteClass, request: FastifyRequest, reply: FastifyReply): void {
    metrics.shed.inc({ class: routeClass });
    request.route.config.meters?.get(request.method)?.done(503, 0);
    refused.set(routeClass, (refused.get(routeClass) ?? 0) + 1);
    if (telling === null) telling = setTimeout(tell, TOLD_MS).unref();
    const seconds = retryAfterFor(options.connections.open);
    const form = request.route.config.errors;
    const { type, text: body } = errorText(new ProblemError('overloaded'), { form, instance: pathOf(request.url), requestId: request.id });
    const whole = request.raw.complete || (Number(request.headers['content-length']) || 0) <= SMALL_BODY;
    const upgrade = (request.raw as { upgrade?: boolean }).upgrade === true;
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(503, [
      ...SECURITY_LIST,
      'content-type',
      type,
      'content-length',
      String(Buffer.byteLength(body)),
      'x-request-id',
      request.id,
      'retry-after',
      String(seconds),
      ...(whole && !upgrade ? [] : ['connection', 'close']),
    ]);
    if (upgrade) raw.once('finish', () => request.raw.socket.destroySoon());
    else if (!whole) lingeringClose(request.raw, raw);
    request.raw.once('end', () => options.connections.answered(request.raw));
    if (whole && !upgrade) holdBack(request, seconds);
    raw.end(body);
  }

  function enter(routeClass: RouteClass, reply: FastifyReply): void {
    atWork.set(routeClass, (atWork.get(routeClass) ?? 0) + 1);
    reply.raw.once('close', () => atWork.set(routeClass, (atWork.get(routeClass) ?? 1) - 1));
  }

  app.addHook('onRequest', (request, reply, done) => {
    const routeClass = request.route.url === undefined ? undefined : classOf(request);
    if (routeClass === undefined || routeClass === 'audit') return done();
    if (routeClass === 'create') {
      const place = pressure.sheds('create') ? null : creations.enter(bodySize(request));
      if (place === null) return refuse(routeClass, request, reply);
      request.leave = place;
      return done();
    }
    if (pressure.sheds(routeClass)) return refuse(routeClass, request, reply);
    const most = MOST[routeClass];
    if (most !== undefined && !onlyWaits(request)) {
      if ((atWork.get(routeClass) ?? 0) >= most) return refuse(routeClass, request, reply);
      enter(routeClass, reply);
    }
    done();
  });
}
