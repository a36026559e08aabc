import { errors, type Grant, type KoaContextWithOIDC, type Provider, type ResourceServer } from 'oidc-provider';
import { ALL_SCOPES, SCOPES } from '../contracts/permissions.ts';
import type { Database } from '../platform/db/database.ts';
import { activePerson, type Client, type Person } from './accounts.ts';
import { scopesOf } from './claims.ts';
import { SIGNING_ALGORITHM } from './keys.ts';

/** The identifier under which this API is asked for (RFC 8707 wants an absolute URI); tokens name the audience itself. */
export const resourceOf = (audience: string): string => (URL.canParse(audience) ? audience : `urn:cqp:${audience}`);

export interface GrantOptions {
  db: Database;
  audience: string;
  baseUrl: string;
  tokenLifetimeSeconds: number;
}

/** A person as the provider wants to know them. */
export interface Account {
  readonly accountId: string;
  readonly person: Person;
  claims(): Promise<{ sub: string; name: string; preferred_username: string }>;
  [claim: string]: unknown;
}

export async function findAccount(db: Database, id: string): Promise<Account | undefined> {
  const person = await activePerson(db, id);
  return (
    person && {
      accountId: person.id,
      person,
      claims: async () => ({ sub: person.id, name: person.name, preferred_username: person.username }),
    }
  );
}

const isApiScope = (scope: string): boolean => Object.hasOwn(SCOPES, scope);
const IDENTITY_SCOPES = ['openid', 'profile', 'offline_access'];
const split = (scope: unknown): string[] => (typeof scope === 'string' ? scope.split(' ').filter((part) => part !== '') : []);

/**
 * What may be granted of this API, and the two defaults of the contract: a request without a scope means everything that its bearer may have;
 * a machine that asks for more than that is told so. For a person the scopes of their roles are looked up again at every token, also at a refresh.
 * @throws InvalidTarget for another resource, InvalidScope
 */
export function resourceServer(
  options: GrantOptions,
  ctx: KoaContextWithOIDC,
  indicator: string,
  client: { clientId: string },
): ResourceServer {
  const { audience, baseUrl } = options;
  if (![resourceOf(audience), baseUrl, `${baseUrl}/`].includes(indicator)) throw new errors.InvalidTarget();
  const params = ctx.oidc.params as { scope?: string; grant_type?: string } | undefined;
  const asked = split(params?.scope);
  let allowed: string[] = [...ALL_SCOPES];
  if (params?.grant_type === 'client_credentials') {
    allowed = [...scopesOf((client as unknown as { cqp: Client }).cqp.roles)];
    const beyond = asked.filter((scope) => !allowed.includes(scope));
    if (beyond.length > 0) throw new errors.InvalidScope('requested scope is not allowed', beyond.join(' '));
    if (asked.length === 0) params.scope = allowed.join(' ');
  } else if (ctx.oidc.route === 'authorization' && params && !asked.some(isApiScope)) params.scope = [...asked, ...ALL_SCOPES].join(' ');
  const account = ctx.oidc.account as Account | undefined;
  if (account) allowed = [...scopesOf(account.person.roles)];
  return {
    audience,
    scope: allowed.join(' '),
    accessTokenTTL: options.tokenLifetimeSeconds,
    accessTokenFormat: 'jwt',
    jwt: { sign: { alg: SIGNING_ALGORITHM } },
  };
}

/** First-party clients need no consent page: the grant holds the whole API, and each token is cut to the roles when it is made. */
export async function grantWithoutConsent(ctx: KoaContextWithOIDC): Promise<Grant | undefined> {
  const { session, client, provider } = ctx.oidc;
  const accountId = session?.accountId;
  if (accountId === undefined || client === undefined) return undefined;
  const grantId = session?.grantIdFor(client.clientId);
  const found = grantId === undefined ? undefined : await provider.Grant.find(grantId);
  const grant = found?.accountId === accountId ? found : new provider.Grant({ accountId, clientId: client.clientId });
  grant.addOIDCScope(IDENTITY_SCOPES.join(' '));
  for (const indicator of Object.keys(ctx.oidc.resourceServers ?? {})) grant.addResourceScope(indicator, ALL_SCOPES.join(' '));
  await grant.save();
  return grant;
}

/**
 * Signing out ends what the session granted: codes and refresh tokens. The provider leaves refresh tokens that outlive the session's cookie alone;
 * here a person who signs out is gone.
 */
export async function endGrants(
  provider: Provider,
  authorizations: Record<string, { grantId?: string | undefined }> | undefined,
): Promise<void> {
  for (const { grantId } of Object.values(authorizations ?? {})) {
    if (grantId === undefined) continue;
    await provider.RefreshToken.revokeByGrantId(grantId);
    await provider.AuthorizationCode.revokeByGrantId(grantId);
    await (await provider.Grant.find(grantId))?.destroy();
  }
}

/** What an access token says of its bearer beyond the standard claims. */
export function claimsOfToken(ctx: KoaContextWithOIDC, token: { kind?: string }): Record<string, unknown> {
  if (token.kind === 'ClientCredentials') {
    const client = (ctx.oidc.client as unknown as { cqp: Client }).cqp;
    return {
      roles: client.roles,
      site: client.site,
      ...(client.station_id === null ? {} : { station_id: client.station_id }),
      name: client.name,
      preferred_username: client.client_id,
    };
  }
  const account = ctx.oidc.account as Account | undefined;
  if (!account) return {};
  const { person } = account;
  return { roles: person.roles, site: person.site, name: person.name, preferred_username: person.username };
}
