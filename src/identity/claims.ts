import type { JWTPayload } from 'jose';
import { type Caller, ROLES, type Role, SCOPES } from '../contracts/permissions.ts';

/** Why a token is refused; the word goes to the log, never to the caller. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly reason: string;
  constructor(reason: string) {
    super(reason);
    this.reason = reason;
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value.length > 0 && value.length <= 255;
const isRole = (value: unknown): value is Role => typeof value === 'string' && Object.hasOwn(ROLES, value);

/** Scopes that a set of roles allows, by the one table. */
export const scopesOf = (roles: readonly Role[]): Set<string> => new Set(roles.flatMap((role) => ROLES[role].scopes as readonly string[]));

function rolesOf(payload: JWTPayload): Role[] {
  const realm = payload.realm_access as { roles?: unknown } | undefined;
  const named = payload.roles ?? (typeof realm === 'object' && realm !== null ? realm.roles : undefined) ?? [];
  if (!Array.isArray(named)) throw new Refused('roles_not_a_list');
  return [...new Set(named.filter(isRole))];
}

/**
 * `scope` is one text (RFC 9068, 2.2.3). From the built-in provider it says all. An outside one may know roles only: then they decide; scopes
 * of this API beside roles narrow them, and without any role they stand alone (a machine that was given scopes directly).
 */
function grantedScopes(payload: JWTPayload, roles: readonly Role[], outside: boolean): Set<string> {
  if (payload.scope !== undefined && typeof payload.scope !== 'string') throw new Refused('scope_not_a_text');
  const named = new Set(((payload.scope as string | undefined) ?? '').split(' ').filter((scope) => Object.hasOwn(SCOPES, scope)));
  if (!outside || roles.length === 0) return named;
  const allowed = scopesOf(roles);
  return named.size === 0 ? allowed : new Set([...named].filter((scope) => allowed.has(scope)));
}

const SEES_ALL: readonly Role[] = ['auditor', 'system_admin'];

function siteOf(payload: JWTPayload, roles: readonly Role[]): string {
  if (isText(payload.site)) return payload.site;
  if (payload.site === undefined && roles.some((role) => SEES_ALL.includes(role))) return '*';
  throw new Refused('no_site');
}

/** Client credentials: the subject is the client itself (RFC 9068), or what Keycloak calls its service account. */
function isClient(payload: JWTPayload, roles: readonly Role[]): boolean {
  return (
    payload.sub === payload.client_id ||
    payload.station_id !== undefined ||
    (typeof payload.preferred_username === 'string' && payload.preferred_username.startsWith('service-account-')) ||
    roles.some((role) => ROLES[role].kind === 'client')
  );
}

/**
 * For logs and the audit trail. A person is never called by the app that they came through: that would give all of them one name. What is compared is the
 * subject.
 */
function nameOf(payload: JWTPayload, kind: Caller['kind']): string {
  const { preferred_username, client_id, azp, name, sub } = payload;
  const names = kind === 'client' ? [preferred_username, client_id, azp, sub] : [preferred_username, name, sub];
  return names.find(isText) ?? '';
}

/** Claims of a verified access token to the caller. @throws Refused when the token says too little to place its bearer */
export function callerOf(payload: JWTPayload, outside: boolean): Caller {
  if (!isText(payload.sub)) throw new Refused('no_subject');
  if (outside && (payload.typ === 'ID' || payload.typ === 'Refresh' || payload.nonce !== undefined || payload.at_hash !== undefined))
    throw new Refused('not_an_access_token');
  const roles = rolesOf(payload);
  const station = payload.station_id;
  if (station !== undefined && !isText(station)) throw new Refused('station_not_a_text');
  if (roles.includes('inspection_station') && station === undefined) throw new Refused('no_station');
  const kind = isClient(payload, roles) ? 'client' : 'person';
  return Object.freeze({
    subject: payload.sub,
    kind,
    name: nameOf(payload, kind),
    roles,
    scopes: grantedScopes(payload, roles, outside),
    site: siteOf(payload, roles),
    stationId: station ?? null,
  });
}
