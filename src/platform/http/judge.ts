import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../../contracts/permissions.ts';
import { clientLeft, ProblemError } from '../problem.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { App } from './app.ts';
import type { BodyWatch } from './body-watch.ts';
import type { Limiter } from './limits.ts';
import type { Pressure } from './pressure.ts';
import type { RouteClass } from './request.ts';

/** Turns a bearer token into its caller. @throws ProblemError unauthorized (or database_unavailable when that cannot be told now) */
export type Authenticate = (token: string, request: FastifyRequest) => Caller | Promise<Caller>;

export interface JudgeOptions {
  authenticate: Authenticate;
  /** By client: `subject`. */
  requests: Limiter;
  /** By address: tokens that did not hold. */
  failures: Limiter;
  pressure: Pressure;
  metrics: Metrics;
  /** Uploads are left to the server's own, longer time-out. */
  bodies: BodyWatch;
}

const unauthorized = (challenge = 'Bearer') => new ProblemError('unauthorized', { headers: { 'www-authenticate': challenge } });

/** Headers that are remembered at most. */
const SEEN = 2000;

export interface Tokens {
  /** The token of exactly one `Authorization: Bearer` header (RFC 6750, 2.1). @throws ProblemError unauthorized */
  bearer(request: FastifyRequest): string;
  /** The header, or else one subprotocol `bearer.<token>`. @throws ProblemError unauthorized */
  stream(request: FastifyRequest): string;
}

/** Reads tokens out of requests. Headers that were read before are remembered, as the same client sends the same one for minutes; forgotten when full. */
export function readTokens(): Tokens {
  const seen = new Map<string, string>();

  function bearer(request: FastifyRequest): string {
    const header = request.headers.authorization;
    if (header === undefined) throw unauthorized();
    let headers = 0;
    const raw = request.raw.rawHeaders;
    for (let at = 0; at < raw.length; at += 2) if (raw[at]?.length === 13 && raw[at]?.toLowerCase() === 'authorization') headers++;
    const known = seen.get(header);
    if (known !== undefined && headers === 1) return known;
    const token = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i.exec(header)?.[1];
    if (headers > 1 || token === undefined) throw unauthorized('Bearer error="invalid_token"');
    if (seen.size >= SEEN) seen.clear();
    seen.set(header, token);
    return token;
  }

  function stream(request: FastifyRequest): string {
    const offered = request.headers['sec-websocket-protocol'];
    if (request.headers.authorization !== undefined || offered === undefined) return bearer(request);
    const tokens = offered
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item.startsWith('bearer.'));
    const token = tokens[0]?.slice('bearer.'.length);
    if (tokens.length !== 1 || !token || !/^[A-Za-z0-9\-._~+/]+=*$/.test(token)) throw unauthorized('Bearer error="invalid_token"');
    return token;
  }

  return { bearer, stream };
}

/** The scope that a route asks for. @throws ProblemError forbidden, naming the scope */
export function requireScope(caller: Caller, scope: string): void {
  if (caller.scopes.has(scope)) return;
  throw new ProblemError('forbidden', {
    detail: `The token does not have the scope ${scope}`,
    headers: { 'www-authenticate': `Bearer error="insufficient_scope", scope="${scope}"` },
  });
}

function requireBodyFits(request: FastifyRequest, limit: number): void {
  const encoding = request.headers['content-encoding'];
  const length = Number(request.headers['content-length']);
  if (length > limit) throw new ProblemError('payload_too_large');
  if (encoding !== undefined && encoding !== 'identity')
    throw new ProblemError('unsupported_media_type', { detail: 'Bodies are taken without content-encoding' });
}

/** 401, 429, 403, 503, 413, 415 for encodings: everything that is judged before a byte of the body is read, in the order of the contract. */
export function addJudgement(app: App, options: JudgeOptions): void {
  const { authenticate, requests, failures, pressure, metrics, bodies } = options;
  const tokens = readTokens();

  function admit(routeClass: RouteClass): void {
    if (!pressure.sheds(routeClass)) return;
    metrics.shed.inc({ class: routeClass });
    throw new ProblemError('overloaded', { retryAfter: 1 });
  }

  function permit(request: FastifyRequest, reply: FastifyReply, caller: Caller, route: FastifyRequest['routeOptions']): void {
    request.caller = caller;
    if (!requests.take(caller.subject)) throw new ProblemError('too_many_requests', { retryAfter: 1 });
    const permission = route.config.permission;
    if (permission !== undefined && permission !== 'authenticated' && permission !== 'none') requireScope(caller, permission);
    if (route.config.person === true && caller.kind !== 'person') throw new ProblemError('person_required');
    proceed(request, reply, route);
  }

  function proceed(request: FastifyRequest, reply: FastifyReply, route: FastifyRequest['routeOptions']): void {
    const config = route.config;
    const method = request.method;
    admit(config.class ?? (method === 'GET' || method === 'HEAD' ? 'read' : 'audit'));
    if (method === 'GET' || method === 'HEAD') return;
    requireBodyFits(request, route.bodyLimit ?? Number.POSITIVE_INFINITY);
    if (config.upload !== true && !request.raw.complete) bodies.watch(request, reply);
  }

  function refused(request: FastifyRequest, error: unknown): unknown {
    if (!(error instanceof ProblemError) || error.code !== 'unauthorized') return error;
    if (!failures.take(request.ip)) return new ProblemError('too_many_requests', { retryAfter: 60 });
    const challenge =
      error.headers['www-authenticate'] ?? (request.headers.authorization === undefined ? 'Bearer' : 'Bearer error="invalid_token"');
    return new ProblemError('unauthorized', { headers: { 'www-authenticate': challenge }, cause: error });
  }

  app.addHook('onRequest', (request, reply, done) => {
    const { route } = request;
    if (route.url === undefined) return done();
    try {
      if (route.config.forwarded === true) return done();
      if (route.config.permission === 'none') {
        if (route.config.class !== undefined) admit(route.config.class);
        if (request.method !== 'GET' && request.method !== 'HEAD' && route.bodyLimit !== undefined)
          requireBodyFits(request, route.bodyLimit);
        return done();
      }
      const caller = authenticate(route.config.subprotocolToken === true ? tokens.stream(request) : tokens.bearer(request), request);
      if (caller instanceof Promise) {
        caller
          .then((proven) => {
            // A body that is asked for now would never come, nor its end: whoever counts the request would wait for it for ever.
            if (reply.raw.destroyed) throw clientLeft();
            permit(request, reply, proven, route);
          })
          .then(
            () => done(),
            (error: unknown) => done(refused(request, error) as Error),
          );
        return;
      }
      permit(request, reply, caller, route);
    } catch (error) {
      return done(refused(request, error) as Error);
    }
    done();
  });
}
