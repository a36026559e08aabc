import { createHash } from 'node:crypto';
import { type PlatformEvent, TOPIC_OF } from '../../contracts/events.ts';
import { uuidv7 } from '../id.ts';
import type { AuditDraft, Cause, EventDraft } from './change.ts';
import { JsonOnce } from './json-once.ts';

/** Of each topic. Fixed: another number would send a key's later events to another lane than its earlier ones. */
export const PARTITIONS = 8;

const known = new Map<string, number>();

/** Same key, same partition, in every process and release: the first 4 bytes of SHA-1, modulo 8. The last 10,000 keys are remembered. */
export function partitionOf(key: string): number {
  let partition = known.get(key);
  if (partition === undefined) {
    partition = createHash('sha1').update(key).digest().readUInt32BE(0) % PARTITIONS;
    if (known.size >= 10_000) known.clear();
    known.set(key, partition);
  }
  return partition;
}

/** What the door writes beside a member's own rows: columns with their types, in the order of `outboxRow` and `auditRow`. */
export const OUTBOX = {
  topic: 'text',
  partition: 'smallint',
  key: 'text',
  event_id: 'uuid',
  occurred_at: 'timestamptz',
  event: 'json',
  record: 'text',
} as const;
export const AUDIT = {
  id: 'uuid',
  action: 'text',
  actor_subject: 'text',
  actor_name: 'text',
  actor_kind: 'text',
  site: 'text',
  object_type: 'text',
  object_id: 'text',
  old: 'json',
  new: 'json',
  reason: 'text',
  request_id: 'text',
  trace_id: 'text',
} as const;

/** A row of the outbox: the draft with what only the door knows. A new schema of a payload is a new number here, beside the old one. */
export function outboxRow(member: number, draft: EventDraft, cause: Cause, source: string, occurredAt: string): unknown[] {
  const event: PlatformEvent = {
    event_id: uuidv7(),
    event_type: draft.type,
    schema_version: 1,
    occurred_at: occurredAt,
    trace_id: cause.traceId,
    source_service: source,
    site: draft.site,
    aggregate: draft.aggregate,
    payload: draft.payload,
  };
  const { id, version } = draft.aggregate;
  const [topic, partition] = [TOPIC_OF[draft.type], partitionOf(draft.key)];
  return [member, topic, partition, draft.key, event.event_id, occurredAt, new JsonOnce(event), version > 1 ? id : null];
}

/** A row of the ledger. */
export function auditRow(member: number, draft: AuditDraft, { actor, requestId, traceId }: Cause): unknown[] {
  const { action, site, object, old, reason } = draft;
  const { subject, name, kind } = actor;
  return [member, uuidv7(), action, subject, name, kind, site, object.type, object.id, old, draft.new, reason, requestId, traceId];
}
