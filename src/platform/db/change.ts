import type { AuditAction } from '../../contracts/audit.ts';
import type { EventPayloads, EventType } from '../../contracts/events.ts';

/** Who acts. `system` is a consumer or a sweeper; a person or a client comes from a token. */
export interface Actor {
  subject: string;
  name: string;
  kind: 'person' | 'client' | 'system';
}

/** Why a change happens: goes into the audit row and the event, and says under which key the change may happen only once. */
export interface Cause {
  actor: Actor;
  requestId: string | null;
  /** 32 hex digits, W3C trace context. */
  traceId: string;
  /** From the HTTP layer: `caller` scopes the key, `requestHash` tells a replay from a misuse. Kept at least 8 days. */
  idempotency?: { caller: string; key: string; requestHash: string };
  /** From the bus: this group applies this event once, and not at all once `signal` is aborted. `eventId` is a UUIDv7. */
  inbox?: { group: string; eventId: string; signal?: AbortSignal };
}

/** An event as a command knows it; the door adds id, time, trace and source. */
export interface EventDraft<T extends EventType = EventType> {
  type: T;
  site: string;
  /** Order is kept per key: `site/lot` for everything about an inspection, the object's id for other things. */
  key: string;
  aggregate: { type: string; id: string; version: number };
  payload: EventPayloads[T];
}

/** Any event draft with its payload held to its type: `const draft: AnyDraft = {type: 'lot.held', ...}`. */
export type AnyDraft = { [T in EventType]: EventDraft<T> }[EventType];

export interface AuditDraft {
  action: AuditAction;
  site: string | null;
  object: { type: string; id: string };
  /** State before; null when the record is new. Kept as jsonb. `new` may be a `JsonOnce`. */
  old: unknown;
  new: unknown;
  reason?: string | null;
}

/** What the HTTP caller is told; kept with the idempotency key and sent again, byte for byte, on a replay. */
export interface Answer {
  status: number;
  location?: string;
  /** May be a `JsonOnce`. */
  body: unknown;
}

/** What a command decided: its result, and what is written beside its rows in the same transaction. */
export interface Decided<R> {
  result: R;
  events: readonly EventDraft[];
  audit: readonly AuditDraft[];
  /** Needed when the request carries an idempotency key: without one, nothing is kept and a replay runs again. */
  answer?: Answer;
}

/**
 * Rows of one table, as objects that hold its columns: times as ISO text or Dates, jsonb as plain values; a row may be a `JsonOnce`. `columns` gives
 * each written column its SQL type, one of those of `wire-array.ts`; the object is one constant of the call site: it names the shape of the statement.
 */
export interface RecordingRows {
  /** `schema.table`, a constant of the slice and never text from outside. */
  into: string;
  columns: Readonly<Record<string, string>>;
  values: readonly object[];
  /**
   * A column that counts up within others: the row carries the number that its maker believes to be the next. When a number as high is stored
   * already, nothing of the recording is written and it fails with `SequenceTaken`. An index must serve (`within`, `column`).
   */
  sequence?: { column: string; within: readonly string[] };
}

/** An append-only creation as data: rows to insert, published functions to call, events, audit, answer. No code runs between. */
export interface Recording {
  rows: readonly RecordingRows[];
  /** Published SQL functions `schema.name(jsonb)`: each gets the items of all recordings of its commit as one array. */
  calls?: readonly { fn: string; items: readonly unknown[] }[];
  events: readonly EventDraft[];
  audit: readonly AuditDraft[];
  answer?: Answer;
}

/** Numbers of a `sequence` that are stored already: the last one by the row's place in the recording. Nothing was written. */
export class SequenceTaken extends Error {
  override readonly name = 'SequenceTaken';
  readonly last: ReadonlyMap<number, number>;
  constructor(last: ReadonlyMap<number, number>) {
    super('a number of the sequence is taken');
    this.last = last;
  }
}

/** The key was used before with the same request: the HTTP layer sends `answer` again. `bodyText` is the body as first sent. */
export class Replayed extends Error {
  override readonly name = 'Replayed';
  readonly answer: Answer;
  readonly bodyText: string;
  constructor(answer: Answer, bodyText: string) {
    super('This request was answered before');
    this.answer = answer;
    this.bodyText = bodyText;
  }
}
