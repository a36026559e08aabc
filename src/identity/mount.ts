import type { FastifyReply, FastifyRequest } from 'fastify';
import { errors, type Provider } from 'oidc-provider';
import type { App } from '../platform/http/app.ts';
import { ProblemError } from '../platform/problem.ts';
import type { Log } from '../platform/telemetry/log.ts';
import type { AddressLimits } from './address-limits.ts';
import type { Page } from './pages.ts';
import { PATHS, SIGN_IN } from './provider.ts';
import type { SignIn } from './sign-in.ts';
import { expiredPage, languageOf, type SignInView, signInPage } from './sign-in-page.ts';

export interface MountDeps {
  /** Made at the first request: only then the address of the platform is known for sure. */
  provider(): Promise<Provider>;
  baseUrl(): string;
  signIn(username: string, password: string, origin: { requestId: string; traceId: string }): Promise<SignIn>;
  limits: AddressLimits;
  log: Pick<Log, 'warn'>;
  /** Accounts to name on the sign-in page; none outside a demo. */
  demo(): Promise<SignInView['demo']>;
}

const OPEN = { config: { permission: 'none' }, schema: { hide: true }, compress: false } as const;
const BODY_MS = 20_000;

const ROUTES: readonly (readonly ['GET' | 'POST', string])[] = [
  ['GET', '/.well-known/openid-configuration'],
  ['GET', '/.well-known/oauth-authorization-server'],
  ['GET', PATHS.jwks],
  ['GET', PATHS.authorization],
  ['POST', PATHS.authorization],
  ['GET', `${PATHS.authorization}/:uid`],
  ['POST', PATHS.token],
  ['POST', PATHS.revocation],
  ['GET', PATHS.end_session],
  ['POST', PATHS.end_session],
  ['POST', `${PATHS.end_session}/confirm`],
  ['GET', `${PATHS.end_session}/success`],
];

/** They store what the next request of the same browser needs, for whoever asks. */
const BEGINS: ReadonlySet<string> = new Set([PATHS.authorization, PATHS.end_session]);
const TRY_AGAIN = 60;

/** The provider's own pages post to themselves and onwards to a client; scripts only where it names their hash. */
const PROVIDER_POLICY = "default-src 'none'; script-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/** The provider's addresses: requests are handed over as Node has them, the body unread. */
export async function mountProvider(app: App, deps: MountDeps): Promise<void> {
  await app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    for (const [method, url] of ROUTES)
      scope.route({
        ...OPEN,
        method,
        url,
        handler: async (request, reply) => {
          if (BEGINS.has(url) && !deps.limits.begun.take(request.ip)) throw new ProblemError('too_many_requests', { retryAfter: 1 });
          const provider = await deps.provider();
          for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) reply.raw.setHeader(name, value);
          reply.raw.setHeader('content-security-policy', PROVIDER_POLICY);
          reply.hijack();
          const { raw } = request;
          const late = setTimeout(() => raw.complete || raw.destroy(), BODY_MS);
          reply.raw.once('close', () => clearTimeout(late));
          await provider.callback()(raw, reply.raw);
        },
      });
    done();
  });
  await app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string', bodyLimit: 8192 }, (_request, body, done) =>
      done(null, new URLSearchParams(String(body))),
    );
    signInRoutes(scope as unknown as App, deps);
    done();
  });
}

function send(reply: FastifyReply, status: number, page: Page): FastifyReply {
  return reply.code(status).header('content-security-policy', page.policy).type('text/html; charset=utf-8').send(page.html);
}

function signInRoutes(app: App, deps: MountDeps): void {
  type Details = Awaited<ReturnType<Provider['interactionDetails']>>;

  const wanted = (request: FastifyRequest, details?: Details) =>
    languageOf(`${String(details?.params.ui_locales ?? '')} ${request.headers['accept-language'] ?? ''}`);

  /** The sign-in that the address and the cookie both name, or nothing: then it is over. */
  async function details(request: FastifyRequest, reply: FastifyReply): Promise<Details | undefined> {
    const provider = await deps.provider();
    try {
      const found = await provider.interactionDetails(request.raw, reply.raw);
      return found.uid === (request.params as { uid: string }).uid ? found : undefined;
    } catch (error) {
      if (error instanceof errors.SessionNotFound) return undefined;
      throw error;
    }
  }

  async function view(request: FastifyRequest, of: Details, more: Partial<SignInView> = {}): Promise<Page> {
    return signInPage({
      language: wanted(request, of),
      action: `${SIGN_IN}/${of.uid}`,
      issuer: deps.baseUrl(),
      ...(typeof of.params.login_hint === 'string' ? { username: of.params.login_hint } : {}),
      demo: await deps.demo(),
      ...more,
    });
  }

  async function finish(request: FastifyRequest, reply: FastifyReply, result: Record<string, unknown>): Promise<FastifyReply> {
    const provider = await deps.provider();
    return reply.redirect(await provider.interactionResult(request.raw, reply.raw, result, { mergeWithLastSubmission: true }), 303);
  }

  app.get(`${SIGN_IN}/:uid`, OPEN, async (request, reply) => {
    const of = await details(request, reply);
    if (!of) return send(reply, 400, expiredPage(wanted(request)));
    if (of.prompt.name === 'consent') return finish(request, reply, { consent: {} });
    return send(reply, 200, await view(request, of));
  });

  app.post(`${SIGN_IN}/:uid`, OPEN, async (request, reply) => {
    const of = await details(request, reply);
    if (!of) return send(reply, 400, expiredPage(wanted(request)));
    const form = request.body instanceof URLSearchParams ? request.body : new URLSearchParams();
    const username = form.get('username') ?? '';
    const password = form.get('password') ?? '';
    if (username.trim() === '' || password === '')
      return send(reply, 400, await view(request, of, { username, fault: { kind: 'missing' } }));
    if (!deps.limits.tries.take(request.ip)) {
      deps.log.warn({ security: true, request_id: request.id }, 'sign_in_limited');
      reply.header('retry-after', TRY_AGAIN);
      return send(reply, 429, await view(request, of, { username, fault: { kind: 'crowded' } }));
    }
    const outcome = await deps.signIn(username, password, { requestId: request.id, traceId: request.traceId });
    if (outcome.kind === 'welcome') return finish(request, reply, { login: { accountId: outcome.person.id, amr: ['pwd'] }, consent: {} });
    if (outcome.kind === 'locked') reply.header('retry-after', outcome.seconds);
    return send(reply, outcome.kind === 'locked' ? 429 : 403, await view(request, of, { username, fault: outcome }));
  });
}
