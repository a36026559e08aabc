import { createHash } from 'node:crypto';
import { uuidv7 } from '../id.ts';
import type { Answer, AuditDraft, Cause, EventDraft, RecordingRows } from './change.ts';
import { outboxRow } from './envelope.ts';
import { prepared } from './watched-client.ts';

/** Days of the ring of inbox and idempotency (migration 0001). */
export const SLOTS = 12;
const DAY_MS = 86_400_000;

/** The inbox slot of an event: the day in its id (UUIDv7: first 48 bits are milliseconds), so that a second delivery looks in the same place. */
export function slotOf(eventId: string): number {
  const millis = Number.parseInt(eventId.slice(0, 8) + eventId.slice(9, 13), 16);
  return Math.floor(millis / DAY_MS) % SLOTS;
}

export interface Writes {
  rows?: readonly RecordingRows[];
  calls?: readonly { fn: string; args: readonly unknown[] }[];
  events: readonly EventDraft[];
  audit: readonly AuditDraft[];
  answer?: Answer | undefined;
  /** Ask whether something later in the outbox tells of the same records: `late` in the result. */
  ordered?: boolean;
}

export interface Statement {
  text: string;
  values: unknown[];
}

const OUTBOX = `insert into platform.outbox (topic, partition, key, event_id, occurred_at, event)
  select topic, partition, key, event_id, occurred_at, event
  from json_to_recordset($::json) as x(topic text, partition smallint, key text, event_id uuid, occurred_at timestamptz, event json)`;
/*
 * Events of these records that others committed before us under a higher transaction id. A scalar subquery with ORDER BY and LIMIT on purpose: it
 * cannot become a join over the whole outbox. Plan: outbox_lane with (topic, partition, xid > ours) as index condition, a handful of rows.
 */
const LATE = (parameter: string) => `(select count((select true from platform.outbox o
    where o.topic = x.topic and o.partition = x.partition and o.xid > pg_current_xact_id() and o.key = x.key
      and o.event -> 'aggregate' ->> 'id' = x.event -> 'aggregate' ->> 'id'
    order by o.topic, o.partition, o.xid, o.seq limit 1))
  from json_to_recordset(${parameter}::json) as x(topic text, partition smallint, key text, event json)) as late`;
const AUDIT = `insert into platform.audit
    (id, action, actor_subject, actor_name, actor_kind, site, object_type, object_id, old, new, reason, request_id, trace_id)
  select id, action, actor_subject, actor_name, actor_kind, site, object_type, object_id, old, new, reason, request_id, trace_id
  from json_to_recordset($::json) as x(id uuid, action text, actor_subject text, actor_name text, actor_kind text, site text,
    object_type text, object_id text, old jsonb, new jsonb, reason text, request_id text, trace_id text)`;
// A row that is there in this slot is older than what counts (the look-up before would have found it): it makes room.
const KEY = `insert into platform.idempotency (slot, caller, key, request_hash, status, location, body)
  values ((floor(extract(epoch from now()) / 86400)::bigint % ${SLOTS})::smallint, $, $, $, $, $, $)
  on conflict (slot, caller, key) do update set request_hash = excluded.request_hash, status = excluded.status,
    location = excluded.location, body = excluded.body, created_at = excluded.created_at`;
const INBOX = `insert into platform.inbox (slot, consumer_group, event_id) values ($::smallint, $, $::uuid) on conflict do nothing returning 1`;

const IDENTIFIER = /^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/;
function identifier(text: string): string {
  if (!IDENTIFIER.test(text)) throw new Error(`Not a plain SQL name: ${text}`);
  return text;
}

/** Statement texts by their shape: the few shapes of a program are built and hashed once. */
export type Shapes = Map<string, string>;

/**
 * Everything that one change writes as ONE statement: rows, outbox, audit, key and inbox as data-modifying CTEs (they all run, in one
 * snapshot), calls in the last SELECT. Prepared under a name made of its shape. The result's `inbox` is 0 when the group had the event already.
 */
export function buildStatement(shapes: Shapes, cause: Cause, source: string, writes: Writes): Statement | undefined {
  const now = new Date();
  const parts: string[] = [];
  const values: unknown[] = [];
  for (const { into, columns, values: rows } of writes.rows ?? []) {
    if (rows.length === 0) continue;
    parts.push(`R${into}(${columns.join(',')})`);
    values.push(JSON.stringify(rows));
  }
  if (writes.events.length > 0) {
    parts.push(writes.ordered ? 'EO' : 'E');
    values.push(JSON.stringify(writes.events.map((draft) => outboxRow(draft, cause, source, now))));
  }
  if (writes.audit.length > 0) {
    parts.push('A');
    values.push(JSON.stringify(writes.audit.map((draft) => auditRow(draft, cause))));
  }
  if (cause.idempotency && writes.answer) {
    const { caller, key, requestHash } = cause.idempotency;
    const { status, location, body } = writes.answer;
    parts.push('K');
    values.push(caller, key, requestHash, status, location ?? null, JSON.stringify(body ?? null));
  }
  if (cause.inbox) {
    parts.push('I');
    values.push(slotOf(cause.inbox.eventId), cause.inbox.group, cause.inbox.eventId);
  }
  for (const { fn, args } of writes.calls ?? []) {
    parts.push(`C${fn}/${args.length}`);
    values.push(...args);
  }
  if (parts.length === 0) return undefined;
  const shape = parts.join(' ');
  let text = shapes.get(shape);
  if (text === undefined) {
    text = prepared(`door_${createHash('sha1').update(shape).digest('hex').slice(0, 16)}`, textOf(parts));
    shapes.set(shape, text);
  }
  return { text, values };
}

function textOf(parts: readonly string[]): string {
  let parameter = 0;
  const numbered = (text: string) => text.replace(/\$(?!\d)/g, () => `$${++parameter}`);
  const writes: string[] = [];
  const answers: string[] = [];
  for (const [index, part] of parts.entries()) {
    const name = `w${index}`;
    if (part === 'E' || part === 'EO') {
      writes.push(`${name} as (${numbered(OUTBOX)})`);
      if (part === 'EO') answers.push(LATE(`$${parameter}`));
    } else if (part === 'A') writes.push(`${name} as (${numbered(AUDIT)})`);
    else if (part === 'K') writes.push(`${name} as (${numbered(KEY)})`);
    else if (part === 'I') {
      writes.push(`${name} as (${numbered(INBOX)})`);
      answers.push(`(select count(*) from ${name}) as inbox`);
    } else if (part.startsWith('R')) {
      const [into = '', list = ''] = part.slice(1, -1).split('(');
      const table = identifier(into);
      const columns = list.split(',').map(identifier).join(', ');
      writes.push(
        `${name} as (insert into ${table} (${columns}) select ${columns} from json_populate_recordset(null::${table}, ${numbered('$')}::json))`,
      );
    } else {
      const [fn = '', count] = part.slice(1).split('/');
      const args = Array.from({ length: Number(count) }, () => numbered('$')).join(', ');
      answers.push(`${identifier(fn)}(${args}) as call${index}`);
    }
  }
  const head = writes.length > 0 ? `with ${writes.join(',\n')}\n` : '';
  return `${head}select ${answers.length > 0 ? answers.join(', ') : '1 as ok'}`;
}

function auditRow(draft: AuditDraft, cause: Cause) {
  return {
    id: uuidv7(),
    action: draft.action,
    actor_subject: cause.actor.subject,
    actor_name: cause.actor.name,
    actor_kind: cause.actor.kind,
    site: draft.site,
    object_type: draft.object.type,
    object_id: draft.object.id,
    old: draft.old ?? null,
    new: draft.new ?? null,
    reason: draft.reason ?? null,
    request_id: cause.requestId,
    trace_id: cause.traceId,
  };
}
