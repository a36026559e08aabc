import { createHash } from 'node:crypto';
import type { Answer, AuditDraft, Cause, EventDraft, RecordingRows } from './change.ts';
import { AUDIT, auditRow, OUTBOX, outboxRow } from './envelope.ts';
import { slotOf } from './idempotency.ts';
import { JsonOnce, jsonOf } from './json-once.ts';
import { type Columns, INBOX, KEYS, textOf } from './statement-text.ts';
import { prepared } from './watched-client.ts';
import { arrayOf } from './wire-array.ts';

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

/** Rows of all members for one table; each begins with its member. */
interface TableRows {
  of: RecordingRows;
  rows: unknown[][];
}

/** Statement texts by their shape: the few shapes of a program are built and hashed once. */
export type Shapes = Map<string, string>;

/** Rows that go into one INSERT: the same table and the same constant of columns. */
export const isSameTable = (one: RecordingRows, other: RecordingRows): boolean => one.into === other.into && one.columns === other.columns;

function rowsByTable(members: readonly Member[]): TableRows[] {
  const tables: TableRows[] = [];
  for (const [m, { writes }] of members.entries())
    for (const own of writes.rows ?? []) {
      let table = tables.find(({ of }) => isSameTable(of, own));
      if (table === undefined) {
        table = { of: own, rows: [] };
        tables.push(table);
      }
      const names = Object.keys(own.columns);
      for (const value of own.values) {
        const held = (value instanceof JsonOnce ? value.value : value) as Readonly<Record<string, unknown>>;
        const row: unknown[] = [m];
        for (const name of names) row.push(held[name]);
        table.rows.push(row);
      }
    }
  return tables.filter(({ rows }) => rows.length > 0);
}

/**
 * Everything that one or many members write as ONE statement: rows, outbox, audit, keys and inbox as data-modifying CTEs (they all run, in one
 * snapshot). Prepared under a name made of its shape. Members whose key is used or whose number is taken are left out whole and named in the answer.
 */
export function buildStatement(shapes: Shapes, source: string, members: readonly Member[], options: Options): Statement | undefined {
  const now = new Date().toISOString();
  const tables = rowsByTable(members);
  const events: unknown[][] = [];
  const audit: unknown[][] = [];
  const keys: unknown[][] = [];
  const inbox: unknown[][] = [];
  const calls = new Map<string, string[]>();
  for (const [m, { cause, writes, keySlot }] of members.entries()) {
    for (const draft of writes.events) events.push(outboxRow(m, draft, cause, source, now));
    for (const draft of writes.audit) audit.push(auditRow(m, draft, cause));
    if (cause.idempotency && writes.answer && keySlot !== undefined) {
      const { caller, key, requestHash } = cause.idempotency;
      const { status, location, body } = writes.answer;
      keys.push([m, keySlot, caller, key, requestHash, status, location, jsonOf(body ?? null)]);
    }
    if (cause.inbox) inbox.push([m, slotOf(cause.inbox.eventId), cause.inbox.group, cause.inbox.eventId]);
    for (const { fn, items } of writes.calls ?? []) {
      const all = calls.get(fn);
      if (all) all.push(...items.map(jsonOf));
      else calls.set(fn, items.map(jsonOf));
    }
  }
  const values: unknown[] = [];
  const shape: string[] = [];
  const add = (part: string, columns: Columns, rows: readonly unknown[][]): void => {
    if (rows.length === 0) return;
    shape.push(part);
    let column = 0;
    values.push(arrayOf('integer', rows, column));
    for (const type of Object.values(columns)) values.push(arrayOf(type, rows, ++column));
  };
  for (const { of, rows } of tables)
    add(
      `R${of.into}(${Object.entries(of.columns).flat().join(' ')})${of.sequence ? `${of.sequence.column}/${of.sequence.within}` : ''}`,
      of.columns,
      rows,
    );
  add('K', KEYS, keys);
  add('E', OUTBOX, events);
  add('A', AUDIT, audit);
  add('I', INBOX, inbox);
  for (const [fn, items] of calls) {
    if (items.length === 0) continue;
    shape.push(`C${fn}`);
    values.push(`[${items.join(',')}]`);
  }
  if (shape.length === 0) return undefined;
  if (options.ordered) shape.push('O');
  const name = shape.join(';');
  let text = shapes.get(name);
  if (text === undefined) {
    const parts = { keys: keys.length > 0, events: events.length > 0, audit: audit.length > 0, inbox: inbox.length > 0 };
    const made = textOf(
      tables.map(({ of }) => of),
      { ...parts, calls: [...calls.keys()], ...options },
    );
    text = prepared(`door_${createHash('sha1').update(name).digest('hex').slice(0, 16)}`, made);
    shapes.set(name, text);
  }
  return { text, values, tables: tables.map(({ of }) => of) };
}
