import { isPrintable } from '../contracts/lot-id.ts';
import type { PolicyRules } from '../contracts/masterdata.ts';
import { isCount } from '../contracts/primitives.ts';
import type { Reads } from '../platform/db/database.ts';
import type { DispositionTables } from './tables.ts';

export interface PolicyRecord {
  name: string;
  version: number;
  rules: PolicyRules;
  created_at: string;
}

export type PolicyPosition = [name: string, version: number];
export function policyPosition(value: unknown): PolicyPosition | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [name, version] = value as unknown[];
  return typeof name === 'string' && isPrintable(name) && isCount(version) ? [name, version] : undefined;
}

/** All versions by name, each name's newest first. */
export async function listPolicies(on: Reads<DispositionTables>, after: PolicyPosition | null, limit: number): Promise<PolicyRecord[]> {
  let query = on.selectFrom('disposition.policy').selectAll();
  if (after !== null) {
    const [name, version] = after;
    query = query.where((is) => is.or([is('name', '>', name), is.and([is('name', '=', name), is('version', '<', version)])]));
  }
  const rows = await query.orderBy('name').orderBy('version', 'desc').limit(limit).execute();
  return rows.map(({ created_at, ...row }) => ({ ...row, created_at: created_at.toISOString() }));
}
