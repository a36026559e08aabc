import { createHash } from 'node:crypto';
import type { Answer, AuditDraft, Cause, EventDraft, RecordingRows } from './change.ts';
import { auditRow, outboxRow } from './envelope.ts';
import { KEPT_DAYS, slotOf } from './idempotency.ts';
import { jsonOf } from './json-once.ts';
import { prepared } from './watched-client.ts';

/** What one change or recording writes, beside the rows that a change has written by itself. */
export interface Writes {
  rows?: readonly RecordingRows[];
  calls?: readonly { fn: string; items: readonly unknown[] }[];
  events: readonly EventDraft[];
  audit: readonly AuditDraft[];
  answer?: Answer | undefined;
}

/** One of those that share a commit. `keySlot` is where its key is kept, when it has one. */
export interface Member {
  cause: Cause;
  writes: Writes;
  keySlot?: number;
}

export interface Statement {
  text: string;
  values: unknown[];
  /** One of the rows of each table that it writes, in the order of `Refusal.t`. */
  tables: readonly RecordingRows[];
}

/** Why a member was left out: a stored number of its sequence (`row`: place among the rows of table `t`, from 1), or its key is used. */
export interface Refusal {
  _m: number;
  t: number | null;
  row: number | null;
  last: number | null;
}

/** The one row that a statement answers. */
export interface Outcome {
  refused: Refusal[] | null;
  /** Of a group's inbox: 0 when it had the event already. */
  inbox?: number;
  /** Events of these records that others committed before under a higher transaction id. */
  late?: number;
}

/** `ordered`: also ask whether something later in the outbox tells of the same records. */
export type Options = { ordered: boolean };

const IDENTIFIER = /^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/;
function identifier(text: string): string {
  if (!IDENTIFIER.test(text)) throw new Error(`Not a plain SQL name: ${text}`);
  return text;
}

/** Rows of all members for one table, as JSON texts that begin with their member. */
interface TableRows {
  of: RecordingRows;
  texts: string[];
}

/** Statement texts by their shape: the few shapes of a program are built and hashed once. */
export type Shapes = Map<string, string>;

/** Rows that go into one INSERT: the same table and the same constant of columns. */
export const isSameTable = (one: RecordingRows, other: RecordingRows): boolean => one.into === other.into && one.columns === other.columns;

function rowsByTable(members: readonly Member[]): TableRows[] {
  const tables: TableRows[] = [];
  for (const [m, { writes }] of members.entries())
    for (const rows of writes.rows ?? []) {
      let table = tables.find(({ of }) => isSameTable(of, rows));
      if (table === undefined) {
        table = { of: rows, texts: [] };
        tables.push(table);
      }
      for (const value of rows.values) {
        const text = jsonOf(value);
        table.texts.push(text === '{}' ? `{"_m":${m}}` : `{"_m":${m},${text.slice(1)}`);
      }
    }
  return tables.filter(({ texts }) => texts.length > 0);
}

const array = (texts: readonly string[]): string => `[${texts.join(',')}]`;

/**
 * Everything that one or many members write as ONE statement: rows, outbox, audit, keys and inbox as data-modifying CTEs (they all run, in one
 * snapshot). Prepared under a name made of its shape. Members whose key is used or whose number is taken are left out whole and named in the answer.
 */
export function buildStatement(shapes: Shapes, source: string, members: readonly Member[], options: Options): Statement | undefined {
  const now = new Date().toISOString();
  const tables = rowsByTable(members);
  const events: string[] = [];
  const audit: string[] = [];
  const keys: string[] = [];
  const inbox: string[] = [];
  const calls = new Map<string, string[]>();
  for (const [m, { cause, writes, keySlot }] of members.entries()) {
    for (const draft of writes.events) events.push(outboxRow(m, draft, cause, source, now));
    for (const draft of writes.audit) audit.push(auditRow(m, draft, cause));
    if (cause.idempotency && writes.answer && keySlot !== undefined) {
      const { caller, key, requestHash } = cause.idempotency;
      const { status, location, body } = writes.answer;
      keys.push(
        `{"_m":${m},"slot":${keySlot},"caller":${JSON.stringify(caller)},"key":${JSON.stringify(key)},"request_hash":${JSON.stringify(requestHash)},"status":${status},"location":${JSON.stringify(location ?? null)},"body":${jsonOf(body ?? null)}}`,
      );
    }
    if (cause.inbox) inbox.push(JSON.stringify({ slot: slotOf(cause.inbox.eventId), g: cause.inbox.group, e: cause.inbox.eventId }));
    for (const { fn, items } of writes.calls ?? []) {
      const all = calls.get(fn);
      if (all) all.push(...items.map(jsonOf));
      else calls.set(fn, items.map(jsonOf));
    }
  }
  const values: string[] = [];
  const shape: string[] = [];
  const add = (part: string, texts: readonly string[]): void => {
    if (texts.length === 0) return;
    shape.push(part);
    values.push(array(texts));
  };
  for (const { of, texts } of tables) {
    shape.push(
      `R${of.into}(${Object.entries(of.columns).flat().join(' ')})${of.sequence ? `${of.sequence.column}/${of.sequence.within}` : ''}`,
    );
    values.push(array(texts));
  }
  add('K', keys);
  add('E', events);
  add('A', audit);
  add('I', inbox);
  for (const [fn, items] of calls) add(`C${fn}`, items);
  if (shape.length === 0) return undefined;
  if (options.ordered) shape.push('O');
  const name = shape.join(';');
  let text = shapes.get(name);
  if (text === undefined) {
    const made = textOf(tables, {
      keys: keys.length > 0,
      events: events.length > 0,
      audit: audit.length > 0,
      inbox: inbox.length > 0,
      calls: [...calls.keys()],
      ...options,
    });
    text = prepared(`door_${createHash('sha1').update(name).digest('hex').slice(0, 16)}`, made);
    shapes.set(name, text);
  }
  return { text, values, tables: tables.map(({ of }) => of) };
}

interface Parts extends Options {
  keys: boolean;
  events: boolean;
  audit: boolean;
  inbox: boolean;
  calls: readonly string[];
}

/*
 * Plan of the create statement (18.4): Function Scan on each recordset; for the sequence a Nested Loop whose inner side is Limit over an Index Only
 * Scan Backward of inspection_attempt; ModifyTable on each table; Hash Anti Join with the CTE `refused`, which is empty but for conflicts.
 */
function textOf(tables: readonly TableRows[], parts: Parts): string {
  let parameter = 0;
  const next = () => `$${++parameter}::json`;
  const ctes: string[] = [];
  const refusals: string[] = [];
  const answers: string[] = [];
  const conditional = parts.keys || tables.some(({ of }) => of.sequence);
  const kept = (alias: string) => (conditional ? ` where not exists (select 1 from refused where refused._m = ${alias}._m)` : '');

  const inserts: string[] = [];
  for (const [index, { of }] of tables.entries()) {
    const table = identifier(of.into);
    const columns = Object.keys(of.columns).map(identifier);
    const typed = Object.entries(of.columns).map(([column, type]) => `${column} ${identifier(type)}`);
    ctes.push(
      `d${index} as materialized (select * from rows from (json_to_recordset(${next()}) as (_m int, ${typed.join(', ')})) with ordinality as d(_m, ${columns.join(', ')}, _n))`,
    );
    if (of.sequence) {
      const column = identifier(of.sequence.column);
      const same = of.sequence.within.map((name) => `t.${identifier(name)} = d.${name}`).join(' and ');
      refusals.push(
        `select d._m, ${index} as t, d._n as row, l.last::bigint from d${index} d cross join lateral (select t.${column} as last from ${table} t where ${same} order by t.${column} desc limit 1) l where l.last >= d.${column}`,
      );
    }
    const list = columns.join(', ');
    inserts.push(`w${index} as (insert into ${table} (${list}) select ${list} from d${index} d${kept('d')})`);
  }
  if (parts.keys) {
    ctes.push(
      `keys as materialized (select * from json_to_recordset(${next()}) as x(_m int, slot smallint, caller text, key text, request_hash text, status smallint, location text, body json))`,
    );
    const taken = refusals.length > 0 ? ' where not exists (select 1 from taken where taken._m = keys._m)' : '';
    if (refusals.length > 0) ctes.push(`taken as materialized (${refusals.join(' union all ')})`);
    // A row that is there and older than what counts makes room. In one order, so that two groups with the same keys cannot wait for each other.
    ctes.push(`put as (insert into platform.idempotency as i (slot, caller, key, request_hash, status, location, body)
      select slot, caller, key, request_hash, status, location, coalesce(body::text, 'null') from keys${taken} order by slot, caller, key
      on conflict (slot, caller, key) do update set request_hash = excluded.request_hash, status = excluded.status, location = excluded.location,
        body = excluded.body, created_at = excluded.created_at where i.created_at <= now() - interval '${KEPT_DAYS} days'
      returning caller, key)`);
    ctes.push(`refused as materialized (${refusals.length > 0 ? 'select * from taken union all ' : ''}select _m, null::int as t, null::bigint as row, null::bigint as last from keys
      where not exists (select 1 from put where put.caller = keys.caller and put.key = keys.key)${taken.replace(' where', ' and')})`);
  } else if (conditional) ctes.push(`refused as materialized (${refusals.join(' union all ')})`);
  ctes.push(...inserts);
  let events = '';
  if (parts.events) {
    events = next();
    ctes.push(`e as (insert into platform.outbox (topic, partition, key, event_id, occurred_at, event, record)
      select topic, partition, key, event_id, occurred_at, event, record from json_to_recordset(${events}) as x(_m int, topic text, partition smallint, key text,
        event_id uuid, occurred_at timestamptz, event json, record text)${kept('x')})`);
  }
  if (parts.audit)
    ctes.push(`a as (insert into platform.audit
        (id, action, actor_subject, actor_name, actor_kind, site, object_type, object_id, old, new, reason, request_id, trace_id)
      select id, action, actor_subject, actor_name, actor_kind, site, object_type, object_id, old, new, reason, request_id, trace_id
      from json_to_recordset(${next()}) as x(_m int, id uuid, action text, actor_subject text, actor_name text, actor_kind text, site text,
        object_type text, object_id text, old json, new json, reason text, request_id text, trace_id text)${kept('x')})`);
  if (parts.inbox) {
    ctes.push(`i as (insert into platform.inbox (slot, consumer_group, event_id)
      select slot, g, e from json_to_recordset(${next()}) as x(slot smallint, g text, e uuid) on conflict do nothing returning 1)`);
    answers.push('(select count(*) from i) as inbox');
  }
  for (const [index, fn] of parts.calls.entries()) {
    ctes.push(`c${index} as materialized (select ${identifier(fn)}(${next()}::jsonb) as called)`);
    answers.push(`(select count(*) from c${index}) as called${index}`);
  }
  if (parts.ordered && parts.events) answers.push(late(events));
  answers.push(conditional ? '(select json_agg(refused) from refused) as refused' : 'null as refused');
  return `with ${ctes.join(',\n')}\nselect ${answers.join(', ')}`;
}

/*
 * Events of these records that others committed before us under a higher transaction id. A scalar subquery with ORDER BY and LIMIT on purpose: it
 * cannot become a join over the whole outbox. Plan: outbox_lane with (topic, partition, xid > ours) as index condition, a handful of rows.
 */
const late = (parameter: string): string => `(select count((select true from platform.outbox o
    where o.topic = x.topic and o.partition = x.partition and o.xid > pg_current_xact_id() and o.key = x.key
      and o.event -> 'aggregate' ->> 'id' = x.event -> 'aggregate' ->> 'id'
    order by o.topic, o.partition, o.xid, o.seq limit 1))
  from json_to_recordset(${parameter}) as x(topic text, partition smallint, key text, event json)) as late`;
