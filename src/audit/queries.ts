import { sql } from 'kysely';
import type { AuditAction, AuditEntry } from '../contracts/audit.ts';
import type { Reads } from '../platform/db/database.ts';

/** The ledger as its owner publishes it. */
export interface AuditTables {
  'platform.audit_entry': {
    id: string;
    recorded_at: Date;
    action: AuditAction;
    actor_subject: string;
    actor_name: string;
    actor_kind: 'person' | 'client' | 'system';
    site: string | null;
    object_type: string;
    object_id: string;
    old: unknown;
    new: unknown;
    reason: string | null;
    request_id: string | null;
  };
}
export type AuditRow = AuditTables['platform.audit_entry'];

export interface AuditFilter {
  /** `null`: every site, and what belongs to none. */
  site: string | null;
  object?: string | undefined;
  actor?: string | undefined;
  action?: AuditAction | undefined;
  from: Date | null;
  to: Date | null;
}

/** Entries are written within this of the time in their id: the clocks of the platform and of the database differ by less. */
const CLOCK_MS = 3_600_000;

/** The smallest or largest UUIDv7 of a time: the primary key narrows a span of time, without an index on the time itself. */
function idAt(time: number, fill: '0' | 'f'): string {
  const millis = Math.max(0, Math.min(time, 2 ** 48 - 1))
    .toString(16)
    .padStart(12, '0');
  const rest = fill.repeat(3);
  return `${millis.slice(0, 8)}-${millis.slice(8)}-7${rest}-${fill === '0' ? '8' : 'b'}${rest}-${fill.repeat(12)}`;
}

/** Newest first, behind an id. Runs on the primary key, or on (object_id, id) when an object is named. */
export function readAudit(on: Reads<AuditTables>, filter: AuditFilter, behind: string | null, limit: number): Promise<AuditRow[]> {
  let query = on.selectFrom('platform.audit_entry').selectAll().orderBy('id', 'desc').limit(limit);
  if (behind !== null) query = query.where('id', '<', behind);
  if (filter.site !== null) query = query.where('site', '=', filter.site);
  if (filter.action !== undefined) query = query.where('action', '=', filter.action);
  if (filter.actor !== undefined) {
    const { actor } = filter;
    query = query.where((eb) => eb.or([eb('actor_name', '=', actor), eb('actor_subject', '=', actor)]));
  }
  if (filter.object !== undefined) {
    const { object } = filter;
    const colon = object.indexOf(':');
    const id = object.slice(colon + 1);
    // A lot is kept as `site/lot_id`; who asks for it by its own name means it at every site.
    query = query.where(
      sql<boolean>`object_id = any(array[${object}, ${id}]::text[] || array(select code || '/' || ${id}::text from masterdata.site_rule))`,
    );
    if (colon !== -1) query = query.where((eb) => eb.or([eb('object_id', '=', object), eb('object_type', '=', object.slice(0, colon))]));
  }
  if (filter.from !== null)
    query = query.where('recorded_at', '>=', filter.from).where('id', '>=', idAt(filter.from.getTime() - CLOCK_MS, '0'));
  if (filter.to !== null) query = query.where('recorded_at', '<=', filter.to).where('id', '<=', idAt(filter.to.getTime() + CLOCK_MS, 'f'));
  return query.execute();
}

export function shownEntry(row: AuditRow): AuditEntry {
  return {
    id: row.id,
    recorded_at: row.recorded_at.toISOString(),
    action: row.action,
    actor: { subject: row.actor_subject, name: row.actor_name, kind: row.actor_kind },
    site: row.site,
    object: { type: row.object_type, id: row.object_id },
    old: row.old,
    new: row.new,
    reason: row.reason,
    request_id: row.request_id,
  };
}
