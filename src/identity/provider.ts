import { createHash, timingSafeEqual } from 'node:crypto';
import { type Adapter, type Configuration, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import { ALL_SCOPES } from '../contracts/permissions.ts';
import type { Database } from '../platform/db/database.ts';
import type { Log } from '../platform/telemetry/log.ts';
import { activeClient } from './accounts.ts';
import { claimsOfToken, endGrants, findAccount, grantWithoutConsent, resourceOf, resourceServer } from './grants.ts';
import { type ProviderKeys, SIGNING_ALGORITHM } from './keys.ts';
import { errorPage, signedOutPage, signOutPage } from './pages.ts';
import { watchProvider } from './provider-events.ts';
import { publicClient } from './public-clients.ts';
import { stateStore } from './state-store.ts';

export interface ProviderOptions {
  db: Database;
  log: Log;
  /** The issuer; no slash at the end. Every address in an answer begins with it, whatever `Host` says. */
  baseUrl: string;
  audience: string;
  keys: ProviderKeys;
  tokenLifetimeSeconds: number;
  /** A still valid access token of this platform, given back by the client it was made for. */
  revokeAccessToken: (token: string, clientId: string) => Promise<void>;
}

export const PATHS = {
  authorization: '/oidc/auth',
  token: '/oidc/token',
  jwks: '/oidc/jwks',
  revocation: '/oidc/token/revocation',
  end_session: '/oidc/session/end',
} as const;
export const SIGN_IN = '/oidc/sign-in';

const SHIFT_SECONDS = 12 * 3600;
const LONGEST_SECONDS = 30 * 24 * 3600;

export const hashSecret = (secret: string): string => createHash('sha256').update(secret).digest('hex');

/** Public clients by their id, machines by their row; `cqp` is that row, for the claims. The secret that the provider sees is its hash. */
function clientStore(options: ProviderOptions): Adapter {
  const state = stateStore(options.db, 'Client');
  return {
    ...state,
    async find(id) {
      const fixed = publicClient(id, options.baseUrl);
      if (fixed) return fixed as never;
      const row = await activeClient(options.db, id);
      if (!row) return undefined;
      return {
        client_id: row.client_id,
        client_name: row.name,
        client_secret: row.secret_hash,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        token_endpoint_auth_method: 'client_secret_basic',
        cqp: row,
      } as never;
    },
  };
}

function configurationOf(options: ProviderOptions): Configuration {
  const { db, keys, audience } = options;
  const cookie = { httpOnly: true, sameSite: 'lax', signed: true } as const;
  return {
    adapter: (model: string) => (model === 'Client' ? clientStore(options) : stateStore(db, model)),
    jwks: { keys: [...keys.signing] as never },
    routes: PATHS,
    cookies: {
      keys: [...keys.cookies],
      names: { session: 'cqp_session', interaction: 'cqp_sign_in', resume: 'cqp_resume' },
      long: { ...cookie, path: '/oidc' },
      short: cookie,
    },
    scopes: ['openid', 'profile', 'offline_access'],
    claims: { openid: ['sub'], profile: ['name', 'preferred_username'] },
    conformIdTokenClaims: false,
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'none'],
    clientDefaults: { id_token_signed_response_alg: SIGNING_ALGORITHM, grant_types: [], response_types: [] },
    extraClientMetadata: { properties: ['cqp'] },
    enabledJWA: { idTokenSigningAlgValues: [SIGNING_ALGORITHM] },
    responseTypes: ['code'],
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    rotateRefreshToken: true,
    // A screen on the wall stays signed in while it is on; signing out, a reuse or 12 h without it end the chain, 30 days do in any case.
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    expiresWithSession: async () => false,
    clockTolerance: 5,
    ttl: {
      AccessToken: options.tokenLifetimeSeconds,
      ClientCredentials: options.tokenLifetimeSeconds,
      AuthorizationCode: 60,
      IdToken: options.tokenLifetimeSeconds,
      Interaction: 15 * 60,
      Session: SHIFT_SECONDS,
      Grant: LONGEST_SECONDS + SHIFT_SECONDS,
      RefreshToken: (_ctx, token) => Math.max(1, Math.min(SHIFT_SECONDS, LONGEST_SECONDS - token.totalLifetime())),
    },
    findAccount: (_ctx, id) => findAccount(db, id) as never,
    loadExistingGrant: (ctx) => grantWithoutConsent(ctx),
    extraTokenClaims: async (ctx, token) => claimsOfToken(ctx, token),
    interactions: { url: (_ctx, interaction) => `${SIGN_IN}/${interaction.uid}` },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      userinfo: { enabled: false },
      introspection: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      dPoP: { enabled: false },
      revocation: { enabled: true, allowedPolicy: async (_ctx, client, token) => token.clientId === client.clientId },
      resourceIndicators: {
        enabled: true,
        defaultResource: async () => resourceOf(audience),
        useGrantedResource: async () => true,
        getResourceServerInfo: async (ctx, indicator, client) => resourceServer(options, ctx, indicator, client),
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: async (ctx, form) => show(ctx, signOutPage(form, ctx.oidc.entities.IdTokenHint !== undefined)),
        postLogoutSuccessSource: async (ctx) => show(ctx, signedOutPage()),
      },
    },
    renderError: async (ctx, out) => show(ctx as KoaContextWithOIDC, errorPage(out.error, out.error_description)),
  };
}

function show(ctx: KoaContextWithOIDC, page: { html: string; policy: string }): void {
  ctx.type = 'html';
  ctx.set('content-security-policy', page.policy);
  ctx.body = page.html;
}

/** OpenID Connect and OAuth 2.1 as oidc-provider does them, with the platform's people, machines and scopes. */
export function createProvider(options: ProviderOptions): Provider {
  const provider = new Provider(options.baseUrl, configurationOf(options));
  const { protocol, host } = new URL(options.baseUrl);
  Object.defineProperties(provider.request, {
    protocol: { value: protocol.slice(0, -1) },
    host: { value: host },
  });
  (
    provider.Client as unknown as { prototype: { clientSecret?: string; compareClientSecret(actual: string): boolean } }
  ).prototype.compareClientSecret = function compareHashes(actual) {
    return timingSafeEqual(Buffer.from(hashSecret(actual)), Buffer.from(this.clientSecret ?? ''.padEnd(64)));
  };
  provider.use(async (ctx, next) => {
    await next();
    const { oidc } = ctx as unknown as KoaContextWithOIDC;
    const body = ctx.body as Record<string, unknown> | undefined;
    if (oidc?.route === 'discovery' && body)
      body.scopes_supported = [...new Set([...((body.scopes_supported as string[] | undefined) ?? []), ...ALL_SCOPES])];
    // RFC 7009 also for JWT access tokens, which the provider itself does not keep: by then it has proven the client.
    if (oidc?.route === 'revocation' && oidc.client && body?.error === 'unsupported_token_type') {
      await options.revokeAccessToken(String((oidc.params as { token?: unknown }).token), oidc.client.clientId);
      ctx.status = 200;
      ctx.body = '';
    }
    // The answer has no content (RFC 7009, 2.2): clients that read JSON alone would take an empty text for a fault.
    if (oidc?.route === 'revocation' && ctx.body === '') ctx.remove('content-type');
    if (oidc?.route === 'end_session_confirm' && (oidc.params as { logout?: unknown }).logout)
      await endGrants(provider, oidc.session?.authorizations);
  });
  watchProvider(provider, options.log);
  return provider;
}
