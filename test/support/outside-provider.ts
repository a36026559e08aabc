import { createServer } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import { type ClientMetadata, errors, Provider } from 'oidc-provider';
import { freePort } from '../../src/platform/ports.ts';
import type { ClientCredentials } from '../../src/simulator/client.ts';

/** An OpenID provider that knows nothing of the platform, as a plant has one. */
export interface OutsideProvider {
  readonly issuer: string;
  readonly tokenEndpoint: string;
  /** A station that it gives tokens to. */
  readonly station: ClientCredentials;
  /** What the pages asked it for, oldest first: parameters of sign-ins and of tokens. */
  readonly asked: { readonly route: string; readonly params: Readonly<Record<string, string | undefined>> }[];
  stop(): Promise<void>;
}

export const OUTSIDE_CLIENT = 'quality-dashboard';

/** What the access tokens say of people, by the name that they sign in with; any password is taken. */
const PEOPLE: Record<string, Record<string, unknown>> = {
  ada: { roles: ['quality_manager'], site: 'hamburg', preferred_username: 'ada' },
  /** Nobody gave them a role or a site. */
  nobody: {},
};
const STATION = { client_id: 'press-7', client_secret: 'a-secret-of-the-plant', site: 'hamburg', station_id: 'ICT-HH-1' };

export interface OutsideOptions {
  /** Where the dashboard is opened. */
  dashboard: string;
  audience: string;
  /** Whether it gives the audience to whoever asks, or only where the request names it (RFC 8707). */
  named: 'by itself' | 'by resource';
  refresh: boolean;
  endSession: boolean;
}

/** Starts it on a host of its own: its cookies and its origin are not those of the platform. */
export async function startOutsideProvider(options: OutsideOptions): Promise<OutsideProvider> {
  const issuer = `http://127.0.0.1:${await freePort()}`;
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const itself = options.named === 'by itself';
  const resource = itself ? 'urn:plant:whatever' : options.audience;
  const dashboard: ClientMetadata = {
    client_id: OUTSIDE_CLIENT,
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', ...(options.refresh ? ['refresh_token' as const] : [])],
    response_types: ['code'],
    redirect_uris: [`${options.dashboard}/callback`],
    post_logout_redirect_uris: [`${options.dashboard}/`],
  };
  const { client_id, client_secret, ...stationClaims } = STATION;
  const provider = new Provider(issuer, {
    clients: [dashboard, { client_id, client_secret, grant_types: ['client_credentials'], redirect_uris: [], response_types: [] }],
    jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: 'plant', alg: 'RS256', use: 'sig' }] as never },
    cookies: { keys: ['of the plant'] },
    clientBasedCORS: (_ctx, origin) => origin === options.dashboard,
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    claims: { openid: ['sub'], profile: ['name'] },
    findAccount: (_ctx, id) => (PEOPLE[id] === undefined ? undefined : { accountId: id, claims: async () => ({ sub: id }) }),
    extraTokenClaims: (ctx, token) =>
      token.kind === 'ClientCredentials'
        ? { ...stationClaims, roles: ['inspection_station'] }
        : PEOPLE[String(ctx.oidc.account?.accountId ?? (token as { accountId?: string }).accountId)],
    features: {
      clientCredentials: { enabled: true },
      rpInitiatedLogout: { enabled: options.endSession },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_ctx, client) => (itself || client.clientId === client_id ? resource : (undefined as never)),
        useGrantedResource: () => itself,
        getResourceServerInfo: (_ctx, indicator) => {
          if (indicator !== resource) throw new errors.InvalidTarget();
          return { scope: '', audience: options.audience, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } };
        },
      },
    },
  });
  const asked: OutsideProvider['asked'] = [];
  provider.use(async (ctx, next) => {
    await next();
    const { oidc } = ctx;
    // As it was sent: the provider adds its defaults to what it goes on with.
    const params = (oidc?.route === 'authorization' ? ctx.query : oidc?.body) as Record<string, string> | undefined;
    if (params && ['authorization', 'token'].includes(oidc.route)) asked.push({ route: oidc.route, params: { ...params } });
  });
  const server = createServer(provider.callback());
  await new Promise<void>((resolve) => server.listen(Number(new URL(issuer).port), '127.0.0.1', resolve));
  return {
    issuer,
    tokenEndpoint: `${issuer}/token`,
    station: STATION,
    asked,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
