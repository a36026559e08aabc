import { sql } from 'kysely';
import type { AuditAction, AuditEntry } from '../contracts/audit.ts';
import type { Reads } from '../platform/db/database.ts';
import { CLOCK_MS } from '../platform/db/partitions.ts';
import { idBound, isUuid, isUuidv7, millisOfId } from '../platform/id.ts';

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

/** The newest entries are looked for in a span of this length first, so that a page costs the same however many years lie behind it. */
const RECENT_MS = 35 * 86_400_000;

/** Times of ids, in milliseconds; the ledger is cut into months by the time of writing: an entry is in the month of its id, or in one beside it. */
interface Span {
  first: number;
  last: number;
}

/** The whole months of a span (UTC): pieces that hold nothing of it are left out, and none is filtered row by row. */
function monthsOf({ first, last }: Span): { from: Date; to: Date } {
  const [from, to] = [new Date(Math.max(first - CLOCK_MS, 0)), new Date(Math.min(last + CLOCK_MS, 8.64e15 - 1e10))];
  return {
    from: new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth())),
    to: new Date(Date.UTC(to.getUTCFullYear(), to.getUTCMonth() + 1)),
  };
}

/**
 * Names and subjects under which this actor wrote: one index, (actor_name, actor_subject, id), serves both, because the walk jumps from one pair to the
 * next. Plan: recursive union, a descent of the index a pair and month; some milliseconds for a plant of a thousand stations and people.
 */
async function actorsOf(on: Reads<AuditTables>, actor: string, span: Span): Promise<{ name: string; subject: string }[]> {
  const { from, to } = monthsOf(span);
  const within = sql`recorded_at >= ${from} and recorded_at < ${to}`;
  const { rows } = await sql<{ name: string; subject: string }>`with recursive actor(name, subject) as (
      (select actor_name, actor_subject from platform.audit_entry where ${within} order by 1, 2 limit 1)
      union all
      select n.* from actor a cross join lateral (
        select actor_name, actor_subject from platform.audit_entry
        where (actor_name, actor_subject) > (a.name, a.subject) and ${within} order by 1, 2 limit 1) n)
    select name, subject from actor where name = ${actor} or subject = ${actor}`.execute(on);
  return rows;
}

/** One statement: entries of a span of ids, newest first. */
async function readSpan(
  on: Reads<AuditTables>,
  filter: AuditFilter,
  span: Span,
  behind: string | null,
  limit: number,
): Promise<AuditRow[]> {
  const { from, to } = monthsOf(span);
  let query = on.selectFrom('platform.audit_entry').selectAll().orderBy('id', 'desc').limit(limit);
  query = query.where('recorded_at', '>=', from).where('recorded_at', '<', to).where('id', '>=', idBound(span.first, 'first'));
  if (behind !== null) query = query.where('id', '<', behind);
  if (filter.site !== null) query = query.where('site', '=', filter.site);
  if (filter.action !== undefined) query = query.where('action', '=', filter.action);
  if (filter.actor !== undefined) {
    const actors = await actorsOf(on, filter.actor, span);
    if (actors.length === 0) return [];
    query = query.where((eb) =>
      eb.or(actors.map(({ name, subject }) => eb.and([eb('actor_name', '=', name), eb('actor_subject', '=', subject)]))),
    );
  }
  if (filter.object !== undefined) {
    const { object } = filter;
    const colon = object.indexOf(':');
    const id = object.slice(colon + 1);
    // Ids and names of lots are read in either case everywhere. A lot is kept as `site/lot_id`; who asks for it by its own name means it at every site.
    const written = isUuid(id) ? id.toLowerCase() : id;
    query = query.where(
      sql<boolean>`object_id = any(array[${object}, ${written}]::text[]
        || array(select code || '/' || n from masterdata.site_rule, unnest(array[${id}, ${id.toUpperCase()}]::text[]) n))`,
    );
    if (colon !== -1) query = query.where((eb) => eb.or([eb('object_id', '=', object), eb('object_type', '=', object.slice(0, colon))]));
  }
  if (filter.from !== null) query = query.where('recorded_at', '>=', filter.from);
  // Times are shown in milliseconds and kept in microseconds: the whole of the named millisecond counts.
  if (filter.to !== null) query = query.where('recorded_at', '<', new Date(filter.to.getTime() + 1));
  return query.execute();
}

/**
 * Newest first, behind an id: what is recent in one statement, and only when that does not fill the page what is older. Runs on the primary key, on
 * (object_id, id) when an object is named, on (actor_name, actor_subject, id) when an actor is, on
 * (action, id) when an action is that no board brings.
 */
export async function readAudit(on: Reads<AuditTables>, filter: AuditFilter, behind: string | null, limit: number): Promise<AuditRow[]> {
  // Nothing is told of a record before its id was made.
  const object = filter.object?.slice(filter.object.indexOf(':') + 1) ?? '';
  const first = Math.max(
    0,
    filter.from === null ? 0 : filter.from.getTime() - CLOCK_MS,
    isUuidv7(object) ? millisOfId(object) - CLOCK_MS : 0,
  );
  const last = Math.min(behind === null ? Number.POSITIVE_INFINITY : millisOfId(behind), filter.to?.getTime() ?? Number.POSITIVE_INFINITY);
  const recent = Math.max(first, Math.min(last, Date.now()) - RECENT_MS);
  const rows = await readSpan(on, filter, { first: recent, last }, behind, limit);
  if (rows.length === limit || recent === first) return rows;
  const edge = idBound(recent, 'first');
  const older = { first, last: Math.min(last, recent) };
  return [...rows, ...(await readSpan(on, filter, older, behind !== null && behind < edge ? behind : edge, limit - rows.length))];
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
