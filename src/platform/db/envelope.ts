import { createHash } from 'node:crypto';
import { type PlatformEvent, TOPIC_OF, type Topic } from '../../contracts/events.ts';
import { uuidv7 } from '../id.ts';
import type { Cause, EventDraft } from './change.ts';

/** Of each topic. Fixed: another number would send a key's later events to another lane than its earlier ones. */
export const PARTITIONS = 8;

/** Same key, same partition, in every process and release: the first 4 bytes of SHA-1, modulo 8. */
export function partitionOf(key: string): number {
  return createHash('sha1').update(key).digest().readUInt32BE(0) % PARTITIONS;
}

export interface OutboxRow {
  topic: Topic;
  partition: number;
  key: string;
  event_id: string;
  occurred_at: string;
  event: PlatformEvent;
}

/** Adds to a draft what only the door knows. A new schema of a payload is a new number here, beside the old one. */
export function outboxRow(draft: EventDraft, cause: Cause, source: string, now: Date): OutboxRow {
  const event: PlatformEvent = {
    event_id: uuidv7(),
    event_type: draft.type,
    schema_version: 1,
    occurred_at: now.toISOString(),
    trace_id: cause.traceId,
    source_service: source,
    site: draft.site,
    aggregate: draft.aggregate,
    payload: draft.payload,
  };
  const { event_id, occurred_at } = event;
  return { topic: TOPIC_OF[draft.type], partition: partitionOf(draft.key), key: draft.key, event_id, occurred_at, event };
}
