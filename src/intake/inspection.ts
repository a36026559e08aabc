import { factsOf } from '../contracts/events.ts';
import type { Inspection } from '../contracts/inspections.ts';
import { lotKey } from '../contracts/lot-id.ts';
import type { AnyDraft } from '../platform/db/door.ts';
import type { InspectionRow } from './tables.ts';

/** The record as the API shows it. */
export function present(row: InspectionRow): Inspection {
  return {
    id: row.id,
    lot_id: row.lot_id,
    chip_id: row.chip_id,
    inspection_type: row.inspection_type,
    priority: row.priority,
    station_metadata: row.station_metadata,
    station_id: row.station_id,
    site: row.site,
    status: row.status,
    verdict: row.verdict,
    reason: row.reason,
    attempt: row.attempt,
    version: row.version,
    created_by: row.created_by,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    completed_at: row.completed_at?.toISOString() ?? null,
    inspected_at: row.inspected_at?.toISOString() ?? null,
    station_epoch: row.station_epoch,
    station_sequence: row.station_sequence,
  };
}

type StateEvent = 'inspection.started' | 'inspection.waiting' | 'inspection.cancelled';

/** The event of a change of state, with the state after it. */
export function stateEvent(type: StateEvent, of: Inspection): AnyDraft {
  return { type, site: of.site, key: lotKey(of), aggregate: { type: 'inspection', id: of.id, version: of.version }, payload: factsOf(of) };
}
