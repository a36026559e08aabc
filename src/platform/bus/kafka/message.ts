import { createHash } from 'node:crypto';
import type { Message, MessageToProduce } from '@platformatic/kafka';
import type { Topic } from '../../../contracts/events.ts';
import { isEventId } from '../envelope.ts';
import { type OutboxEntry, openedOf } from '../outbox-reader.ts';
import type { KafkaNames } from './names.ts';

export type OutMessage = MessageToProduce<string, string, string, string> & { headers: Record<string, string> };
export type InMessage = Message<Buffer, Buffer, Buffer, Buffer>;

const NO_TRACE = '0'.repeat(32);

/** W3C trace context: the span is the one that wrote the event, named by the last 8 bytes of the event's id. */
function traceparent(traceId: string, eventId: string): string | undefined {
  const span = eventId.replaceAll('-', '').slice(-16);
  return traceId === NO_TRACE ? undefined : `00-${traceId}-${span}-01`;
}

/** The value is the envelope's text as it stands in the outbox; key and partition are the outbox's, so that a key keeps its order. */
export function messageOf(entry: OutboxEntry, names: KafkaNames): OutMessage {
  const { event } = openedOf(entry);
  const headers: Record<string, string> = { 'content-type': 'application/json', event_id: entry.eventId };
  if (event) {
    headers.event_type = event.event_type;
    headers.schema_version = String(event.schema_version);
    const trace = traceparent(event.trace_id, event.event_id);
    if (trace) headers.traceparent = trace;
  }
  return { topic: names.topic(entry.topic), partition: entry.partition, key: entry.key, value: entry.text, headers };
}

/** An id for bytes that have none of their own: the same for the same place, so that parking twice makes one row. */
function placeId(message: InMessage): string {
  const hex = createHash('sha256').update(`${message.topic}/${message.partition}/${message.offset}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const NUL = String.fromCharCode(0);

/** What came, as the rest of the bus knows it. Any bytes are taken: those that are no envelope open as poison. */
export function entryOf(message: InMessage, topic: Topic): OutboxEntry {
  const value = message.value as Buffer | undefined;
  const key = (message.key as Buffer | undefined)?.toString('utf8').replaceAll(NUL, '') ?? '';
  let text = '';
  let raw = value;
  try {
    text = strict.decode(value);
    if (!text.includes(NUL)) raw = undefined;
  } catch {
    text = '';
  }
  const entry: OutboxEntry = {
    position: { xid: 0n, seq: 0 },
    topic,
    partition: message.partition,
    key,
    eventId: '',
    text,
    ...(raw ? { raw } : {}),
  };
  const { event } = openedOf(entry);
  entry.eventId = event?.event_id ?? readableId(text) ?? placeId(message);
  return entry;
}

/** Poison may still name itself. */
function readableId(text: string): string | undefined {
  try {
    const id = (JSON.parse(text) as { event_id?: unknown } | null)?.event_id;
    return isEventId(id) ? id : undefined;
  } catch {
    return undefined;
  }
}
