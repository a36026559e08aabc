import { createHash } from 'node:crypto';
import { type PlatformEvent, TOPIC_OF } from '../../contracts/events.ts';
import { uuidv7 } from '../id.ts';
import type { AuditDraft, Cause, EventDraft } from './change.ts';
import { jsonOf } from './json-once.ts';

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

/** A row of the outbox as JSON text: the draft with what only the door knows. A new schema of a payload is a new number here, beside the old one. */
export function outboxRow(member: number, draft: EventDraft, cause: Cause, source: string, occurredAt: string): string {
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
  const record = draft.aggregate.version > 1 ? `,"record":${JSON.stringify(draft.aggregate.id)}` : '';
  return `{"_m":${member},"topic":"${TOPIC_OF[draft.type]}","partition":${partitionOf(draft.key)},"key":${JSON.stringify(draft.key)},"event_id":"${event.event_id}","occurred_at":"${occurredAt}","event":${JSON.stringify(event)}${record}}`;
}

/** A row of the ledger as JSON text. */
export function auditRow(member: number, draft: AuditDraft, cause: Cause): string {
  const { actor } = cause;
  const facts = JSON.stringify({
    _m: member,
    id: uuidv7(),
    action: draft.action,
    actor_subject: actor.subject,
    actor_name: actor.name,
    actor_kind: actor.kind,
    site: draft.site,
    object_type: draft.object.type,
    object_id: draft.object.id,
    reason: draft.reason ?? null,
    request_id: cause.requestId,
    trace_id: cause.traceId,
  });
  return `${facts.slice(0, -1)},"old":${draft.old == null ? 'null' : jsonOf(draft.old)},"new":${draft.new == null ? 'null' : jsonOf(draft.new)}}`;
}
