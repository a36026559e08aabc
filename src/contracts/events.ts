import type { Candidate } from './inference.ts';
import type { InspectionStatus, InspectionType, Verdict } from './inspections.ts';

export const TOPICS = ['inspection.lifecycle', 'inference.workflow', 'artifact.management', 'quality.signals', 'audit.events'] as const;
export type Topic = (typeof TOPICS)[number];

/** What an inspection's events say of it, so that a consumer and a screen need no second look. */
export interface InspectionFacts {
  inspection_id: string;
  lot_id: string;
  chip_id: string;
  inspection_type: InspectionType;
  station_id: string | null;
  status: InspectionStatus;
  verdict: Verdict | null;
  reason: string | null;
}

/** Payload by event type. Additive changes only; anything else is a new `schema_version`. */
export interface EventPayloads {
  'inspection.created': InspectionFacts & {
    priority: number;
    attempt: number;
    /** What the station claims, when it does. */
    inspected_at?: string;
    station_epoch?: number;
    station_sequence?: number;
  };
  'inspection.started': InspectionFacts;
  'inspection.waiting': InspectionFacts;
  'inspection.judged': InspectionFacts & {
    by: 'model' | 'limits' | 'person';
    policy: string | null;
    worst_severity: string | null;
    defects: number;
  };
  'inspection.verdict_revised': InspectionFacts & { previous: Verdict };
  'inspection.cancelled': InspectionFacts;
  'measurements.recorded': {
    inspection_id: string;
    lot_id: string;
    inspection_type: InspectionType;
    station_id: string | null;
    count: number;
  };
  'artifact.stored': {
    artifact_id: string;
    inspection_id: string;
    lot_id: string;
    station_id: string | null;
    kind: string;
    sha256: string;
    content_type: string;
    readable: boolean | null;
  };
  'inference.requested': { operation_id: string; inspection_id: string; lot_id: string; station_id: string | null };
  'inference.completed': {
    operation_id: string;
    inspection_id: string;
    lot_id: string;
    station_id: string | null;
    model: string;
    version: number;
    thresholds: Record<string, number>;
    candidates: Candidate[];
    /** Whether this run may set the verdict: automatic or asked for with the production version on an unjudged inspection. */
    decides: boolean;
  };
  'inference.failed': {
    operation_id: string | null;
    inspection_id: string;
    lot_id: string;
    station_id: string | null;
    reason: string;
    detail: string;
    decides: boolean;
  };
  'defect.reviewed': {
    defect_id: string;
    inspection_id: string;
    lot_id: string;
    station_id: string | null;
    decision: string;
    class: string;
  };
  'lot.assigned': { lot_id: string; product: string; revision: string };
  'lot.held': { lot_id: string; reason: string; by: string };
  'lot.released': { lot_id: string; reason: string; by: string };
}
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
};
export const EVENT_TYPES = Object.keys(TOPIC_OF) as EventType[];

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
