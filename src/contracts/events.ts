import type { EventPayloads, InspectionFacts } from './event-payloads.ts';

export type { EventPayloads, InspectionFacts } from './event-payloads.ts';

export const TOPICS = ['inspection.lifecycle', 'inference.workflow', 'artifact.management', 'quality.signals', 'audit.events'] as const;
export type Topic = (typeof TOPICS)[number];

export type EventType = keyof EventPayloads;

export const TOPIC_OF: Record<EventType, Topic> = {
  'inspection.created': 'inspection.lifecycle',
  'inspection.started': 'inspection.lifecycle',
  'inspection.waiting': 'inspection.lifecycle',
  'inspection.judged': 'inspection.lifecycle',
  'inspection.verdict_revised': 'inspection.lifecycle',
  'inspection.cancelled': 'inspection.lifecycle',
  'measurements.recorded': 'inspection.lifecycle',
  'artifact.stored': 'artifact.management',
  'inference.requested': 'inference.workflow',
  'inference.completed': 'inference.workflow',
  'inference.failed': 'inference.workflow',
  'defect.reviewed': 'quality.signals',
  'lot.assigned': 'quality.signals',
  'lot.held': 'quality.signals',
  'lot.released': 'quality.signals',
  'drift.alarm_raised': 'quality.signals',
  'model.stage_changed': 'quality.signals',
  'model.disagreed': 'quality.signals',
  'model.disagreement_settled': 'quality.signals',
};
export const EVENT_TYPES = Object.keys(TOPIC_OF) as EventType[];

/**
 * The `schema_version` numbers that this program reads, by event type. An additive change keeps the number; any other is a new number here, beside the
 * old one for as long as events of the old one may still be kept (7 days and whatever is parked). A group parks an event of another number.
 */
export const KNOWN_VERSIONS: Record<EventType, readonly number[]> = {
  'inspection.created': [1],
  'inspection.started': [1],
  'inspection.waiting': [1],
  'inspection.judged': [1],
  'inspection.verdict_revised': [1],
  'inspection.cancelled': [1],
  'measurements.recorded': [1],
  'artifact.stored': [1],
  'inference.requested': [1],
  'inference.completed': [1],
  'inference.failed': [1],
  'defect.reviewed': [1],
  'lot.assigned': [1],
  'lot.held': [1],
  'lot.released': [1],
  'drift.alarm_raised': [1],
  'model.stage_changed': [1],
  'model.disagreed': [1],
  'model.disagreement_settled': [1],
};

/** The envelope of `contract.md`, in JSON on every wire. `aggregate.version` orders the events of one record. */
export interface PlatformEvent<T extends EventType = EventType> {
  event_id: string;
  event_type: T;
  schema_version: number;
  occurred_at: string;
  trace_id: string;
  source_service: string;
  site: string;
  aggregate: { type: string; id: string; version: number };
  payload: EventPayloads[T];
}
/** Discriminated by `event_type`: a `switch` narrows the payload. */
export type AnyEvent = { [T in EventType]: PlatformEvent<T> }[EventType];

/** What an event of an inspection says of it, from a record or a row of it. */
export function factsOf(of: Omit<InspectionFacts, 'inspection_id'> & { id: string }): InspectionFacts {
  return {
    inspection_id: of.id,
    lot_id: of.lot_id,
    chip_id: of.chip_id,
    inspection_type: of.inspection_type,
    station_id: of.station_id,
    status: of.status,
    verdict: of.verdict,
    reason: of.reason,
  };
}
