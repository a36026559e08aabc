import { AUDIT, OUTBOX } from './envelope.ts';
import { KEPT_DAYS } from './idempotency.ts';
import { elementOf } from './wire-array.ts';

/** Columns with their SQL types, in order. */
export type Columns = Readonly<Record<string, string>>;

/** A table that a statement writes. */
export interface Into {
  into: string;
  columns: Columns;
  sequence?: { column: string; within: readonly string[] };
}

/** What stands in a statement beside tables. */
export interface Parts {
  keys: boolean;
  events: boolean;
  audit: boolean;
  inbox: boolean;
  calls: readonly string[];
  /** Also ask whether something later in the outbox tells of the same records. */
  ordered: boolean;
}

export const KEYS = {
  slot: 'smallint',
  caller: 'text',
  key: 'text',
  request_hash: 'text',
  status: 'smallint',
  location: 'text',
  body: 'text',
} as const;
export const INBOX = { slot: 'smallint', consumer_group: 'text', event_id: 'uuid' } as const;

const IDENTIFIER = /^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/;
function identifier(text: string): string {
  if (!IDENTIFIER.test(text)) throw new Error(`Not a plain SQL name: ${text}`);
  return text;
}
const listOf = (columns: Columns): string => Object.keys(columns).map(identifier).join(', ');

/*
 * Parameters in order: of each table, then keys, events, audit and inbox an array a column, the member's number (`_m`) first; then one jsonb a call.
 *
 * Plan of the create statement (18.4): Function Scan on each unnest; for the sequence a Nested Loop whose inner side is Limit over an Index Only
 * Scan Backward of inspection_attempt; ModifyTable on each table; Hash Anti Join with the CTE `refused`, which is empty but for conflicts.
 */
export function textOf(tables: readonly Into[], parts: Parts): string {
  let parameter = 0;
  /** `unnest(...) as alias(_m, columns)`: rows of one table, from the parameters that are next. */
  const rowsFrom = (columns: Columns, alias: string, numbered = ''): string => {
    const arrays = ['integer', ...Object.values(columns)].map((type) => {
      elementOf(type);
      parameter += 1;
      return `$${parameter}::${type}[]`;
    });
    return `unnest(${arrays.join(', ')})${numbered === '' ? '' : ' with ordinality'} as ${alias}(_m, ${listOf(columns)}${numbered})`;
  };
  const ctes: string[] = [];
  const refusals: string[] = [];
  const answers: string[] = [];
  const conditional = parts.keys || tables.some(({ sequence }) => sequence);
  const kept = (alias: string) => (conditional ? ` where not exists (select 1 from refused where refused._m = ${alias}._m)` : '');

  const inserts: string[] = [];
  for (const [index, { into, columns, sequence }] of tables.entries()) {
    const table = identifier(into);
    ctes.push(`d${index} as materialized (select * from ${rowsFrom(columns, 'd', ', _n')})`);
    if (sequence) {
      const column = identifier(sequence.column);
      const same = sequence.within.map((name) => `t.${identifier(name)} = d.${name}`).join(' and ');
      refusals.push(
        `select d._m, ${index} as t, d._n as row, l.last::bigint from d${index} d cross join lateral (select t.${column} as last from ${table} t where ${same} order by t.${column} desc limit 1) l where l.last >= d.${column}`,
      );
    }
    const list = listOf(columns);
    inserts.push(`w${index} as (insert into ${table} (${list}) select ${list} from d${index} d${kept('d')})`);
  }
  if (parts.keys) {
    ctes.push(`keys as materialized (select * from ${rowsFrom(KEYS, 'x')})`);
    const taken = refusals.length > 0 ? ' where not exists (select 1 from taken where taken._m = keys._m)' : '';
    if (refusals.length > 0) ctes.push(`taken as materialized (${refusals.join(' union all ')})`);
    // A row that is there and older than what counts makes room. In one order, so that two groups with the same keys cannot wait for each other.
    ctes.push(`put as (insert into platform.idempotency as i (${listOf(KEYS)})
      select ${listOf(KEYS)} from keys${taken} order by slot, caller, key
      on conflict (slot, caller, key) do update set request_hash = excluded.request_hash, status = excluded.status, location = excluded.location,
        body = excluded.body, created_at = excluded.created_at where i.created_at <= now() - interval '${KEPT_DAYS} days'
      returning caller, key)`);
    ctes.push(`refused as materialized (${refusals.length > 0 ? 'select * from taken union all ' : ''}select _m, null::int as t, null::bigint as row, null::bigint as last from keys
      where not exists (select 1 from put where put.caller = keys.caller and put.key = keys.key)${taken.replace(' where', ' and')})`);
  } else if (conditional) ctes.push(`refused as materialized (${refusals.join(' union all ')})`);
  ctes.push(...inserts);
  if (parts.events) {
    const late = parts.ordered;
    const events = rowsFrom(OUTBOX, 'x');
    if (late) ctes.push(`events as materialized (select * from ${events})`);
    ctes.push(
      `e as (insert into platform.outbox (${listOf(OUTBOX)}) select ${listOf(OUTBOX)} from ${late ? 'events x' : events}${kept('x')})`,
    );
    if (late) answers.push(LATE);
  }
  if (parts.audit)
    ctes.push(`a as (insert into platform.audit (${listOf(AUDIT)}) select ${listOf(AUDIT)} from ${rowsFrom(AUDIT, 'x')}${kept('x')})`);
  if (parts.inbox) {
    ctes.push(`i as (insert into platform.inbox (${listOf(INBOX)})
      select ${listOf(INBOX)} from ${rowsFrom(INBOX, 'x')} on conflict do nothing returning 1)`);
    answers.push('(select count(*) from i) as inbox');
  }
  for (const [index, fn] of parts.calls.entries()) {
    parameter += 1;
    ctes.push(`c${index} as materialized (select ${identifier(fn)}($${parameter}::jsonb) as called)`);
    answers.push(`(select count(*) from c${index}) as called${index}`);
  }
  answers.push(conditional ? '(select json_agg(refused) from refused) as refused' : 'null as refused');
  return `with ${ctes.join(',\n')}\nselect ${answers.join(', ')}`;
}

/*
 * Events of these records that others committed before us under a higher transaction id. A scalar subquery with ORDER BY and LIMIT on purpose: it
 * cannot become a join over the whole outbox. Plan: outbox_lane with (topic, partition, xid > ours) as index condition, a handful of rows.
 */
const LATE = `(select count((select true from platform.outbox o
    where o.topic = x.topic and o.partition = x.partition and o.xid > pg_current_xact_id() and o.key = x.key
      and o.event -> 'aggregate' ->> 'id' = x.event -> 'aggregate' ->> 'id'
    order by o.topic, o.partition, o.xid, o.seq limit 1)) from events x) as late`;
