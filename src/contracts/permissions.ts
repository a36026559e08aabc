/**
 * Scopes (what a token may do) and roles (which scopes a person or client is given). One table: routes name a scope of it,
 * the identity slice grants from it, the dashboard shows by it. A route without a permission fails the start.
 */
export const SCOPES = {
  'inspections:read': 'Read inspections, units and lots',
  'inspections:write': 'Post inspections and measurements, change their state',
  'artifacts:read': 'Read pictures and documents',
  'artifacts:write': 'Upload pictures and documents',
  'defects:review': 'Review defects and waiting inspections',
  'inference:read': 'Read models and their figures',
  'inference:execute': 'Start a model run',
  'inference:manage': 'Stage models, roll them back, set their thresholds',
  'masterdata:read': 'Read sites, stations, products, policies',
  'masterdata:write': 'Write products, revisions, templates, lots',
  'lots:disposition': 'Hold and release lots',
  'audit:read': 'Read the audit trail',
} as const;
export type Scope = keyof typeof SCOPES;
export const ALL_SCOPES = Object.keys(SCOPES) as Scope[];

/** What a route asks for: a scope, any signed-in caller, or nothing (health, documents of the API, identity). */
export type Permission = Scope | 'authenticated' | 'none';

const STATION: Scope[] = ['inspections:write', 'inspections:read', 'artifacts:write', 'artifacts:read', 'inference:execute'];
const OPERATOR: Scope[] = ['inspections:read', 'inspections:write', 'artifacts:read', 'artifacts:write', 'masterdata:read'];
const ENGINEER: Scope[] = [...OPERATOR, 'defects:review', 'inference:read', 'inference:execute', 'inference:manage', 'masterdata:write'];

export const ROLES = {
  inspection_station: { kind: 'client', scopes: STATION },
  manufacturing_operator: { kind: 'person', scopes: OPERATOR },
  quality_engineer: { kind: 'person', scopes: ENGINEER },
  quality_manager: { kind: 'person', scopes: [...ENGINEER, 'lots:disposition', 'audit:read'] },
  auditor: { kind: 'person', scopes: ALL_SCOPES.filter((scope) => scope.endsWith(':read')) },
  system_admin: { kind: 'person', scopes: ALL_SCOPES },
  erp_integration: { kind: 'client', scopes: ['inspections:read', 'masterdata:read', 'masterdata:write'] },
} as const satisfies Record<string, { kind: 'person' | 'client'; scopes: readonly Scope[] }>;
export type Role = keyof typeof ROLES;

/**
 * Who is asking, as proven by the access token. A station client carries its `station_id`: it writes for itself only and sees its
 * own records only. `site` is '*' for a caller who sees every site.
 */
export interface Caller {
  /** Stable id of the person or client (`sub`). */
  readonly subject: string;
  readonly kind: 'person' | 'client';
  /** Username or client id, for logs and the audit trail. */
  readonly name: string;
  readonly roles: readonly Role[];
  readonly scopes: ReadonlySet<string>;
  readonly site: string;
  readonly stationId: string | null;
}

/** A foreign site's record, and another station's for a station, is as unknown as one that does not exist. */
export function maySee(caller: Pick<Caller, 'site' | 'stationId'>, record: { site: string; station_id: string | null }): boolean {
  return (caller.site === '*' || caller.site === record.site) && (caller.stationId === null || caller.stationId === record.station_id);
}
