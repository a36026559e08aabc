import { type AnyEvent, EVENT_TYPES, type EventType, KNOWN_VERSIONS } from '../../contracts/events.ts';

/** What the bytes of an event turned out to be. `poison` says why no consumer can be given it; the rest is what could be read all the same. */
export type Opened =
  | { event: AnyEvent; poison?: undefined; type?: undefined }
  | { event?: undefined; poison: string; type: string | null; site: string | null; traceId: string | null };

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const TRACE = /^[0-9a-f]{32}$/;
/** Text that can be stored: PostgreSQL keeps neither U+0000 nor half a surrogate pair. */
const isText = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.isWellFormed() && !value.includes('\0');
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** What of words that came from outside can be stored. */
export const storable = (text: string): string => text.replaceAll('\0', '\ufffd').toWellFormed();

export const isEventId = (value: unknown): value is string => typeof value === 'string' && UUID.test(value);

function fault(event: Record<string, unknown>): string | undefined {
  const { aggregate } = event;
  if (!isEventId(event.event_id)) return 'event_id is no UUID';
  if (!isText(event.event_type)) return 'event_type is missing';
  if (!Number.isInteger(event.schema_version) || Number(event.schema_version) < 1) return 'schema_version is no positive integer';
  if (!isText(event.occurred_at) || Number.isNaN(Date.parse(event.occurred_at))) return 'occurred_at is no time';
  if (typeof event.trace_id !== 'string' || !TRACE.test(event.trace_id)) return 'trace_id is not 32 hex digits';
  if (!isText(event.source_service)) return 'source_service is missing';
  if (!isText(event.site)) return 'site is missing';
  if (!isRecord(aggregate) || !isText(aggregate.type) || !isText(aggregate.id)) return 'aggregate is wrong';
  if (!Number.isSafeInteger(aggregate.version) || Number(aggregate.version) < 0) return 'aggregate.version is no integer';
  if (!isRecord(event.payload)) return 'payload is no object';
  const versions = KNOWN_VERSIONS[event.event_type as EventType] as readonly number[] | undefined;
  if (!EVENT_TYPES.includes(event.event_type as EventType) || !versions) return `event_type ${event.event_type} is not known`;
  if (!versions.includes(Number(event.schema_version))) return `schema_version ${event.schema_version} of ${event.event_type} is not known`;
  return undefined;
}

/**
 * Reads and judges an envelope. Of the payload only its being an object is checked: `schema_version` promises the rest. A version or type that this
 * program does not know is poison to it, so that a group parks it until a program that knows it redrives it.
 */
export function openEnvelope(text: string): Opened {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch (error) {
    return { poison: `not JSON: ${(error as Error).message}`.slice(0, 300), type: null, site: null, traceId: null };
  }
  if (!isRecord(read)) return { poison: 'not an object', type: null, site: null, traceId: null };
  const poison = fault(read);
  if (poison === undefined) return { event: read as unknown as AnyEvent };
  const { event_type: type, site, trace_id: trace } = read;
  return {
    poison: `wrong envelope: ${poison}`.slice(0, 300),
    type: isText(type) ? type : null,
    site: isText(site) ? site : null,
    traceId: typeof trace === 'string' && TRACE.test(trace) ? trace : null,
  };
}
