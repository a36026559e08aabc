import { type AnyEvent, EVENT_TYPES, type EventType } from '../contracts/events.ts';
import type { Caller, Scope } from '../contracts/permissions.ts';
import type { StreamFilter } from '../contracts/stream.ts';

/** The scope that lets a caller see an event: the one that lets it read the record the event tells of. A type that is missing here does not compile. */
export const SCOPE_OF: Readonly<Record<EventType, Scope>> = {
  'inspection.created': 'inspections:read',
  'inspection.started': 'inspections:read',
  'inspection.waiting': 'inspections:read',
  'inspection.judged': 'inspections:read',
  'inspection.verdict_revised': 'inspections:read',
  'inspection.cancelled': 'inspections:read',
  'measurements.recorded': 'inspections:read',
  'artifact.stored': 'artifacts:read',
  'inference.requested': 'inspections:read',
  'inference.completed': 'inspections:read',
  'inference.failed': 'inspections:read',
  'defect.reviewed': 'inspections:read',
  'lot.assigned': 'inspections:read',
  'lot.held': 'inspections:read',
  'lot.released': 'inspections:read',
  'drift.alarm_raised': 'inference:read',
  'model.stage_changed': 'inference:read',
  'model.disagreed': 'inference:read',
  'model.disagreement_settled': 'inference:read',
};

/** A token without any of these has nothing to see here. */
export const STREAM_SCOPES: readonly Scope[] = [...new Set(Object.values(SCOPE_OF))];

interface Facts {
  lot_id?: string;
  station_id?: string | null;
}

/** Type names of a filter that no event has. */
export const unknownTypes = (filter: StreamFilter): string[] =>
  (filter.event_types ?? []).filter((name) => !(EVENT_TYPES as string[]).includes(name));

/**
 * Whether a caller may see an event, and asked for it: scope, then site, then station (a station sees its own records only, so nothing of a lot as a
 * whole), then the filter.
 */
export function visibleTo(caller: Caller, filter: StreamFilter): (event: AnyEvent) => boolean {
  const types = new Set(EVENT_TYPES.filter((type) => caller.scopes.has(SCOPE_OF[type]) && (filter.event_types?.includes(type) ?? true)));
  const lot = filter.lot_id?.toUpperCase();
  return (event) => {
    if (!types.has(event.event_type)) return false;
    // What is said of no one site (`*`) is for all of them.
    if (caller.site !== '*' && event.site !== '*' && event.site !== caller.site) return false;
    const facts = event.payload as Facts;
    if (caller.stationId !== null && facts.station_id !== caller.stationId) return false;
    if (lot !== undefined && facts.lot_id !== lot) return false;
    return filter.station_id === undefined || facts.station_id === filter.station_id;
  };
}
