import type { Inspection, InspectionStatus, InspectionType, Verdict } from './inspections.ts';

/** An inspection as intake keeps and publishes it (`intake.inspection_now`). */
export interface InspectionRecord {
  id: string;
  site: string;
  lot_id: string;
  chip_id: string;
  inspection_type: InspectionType;
  priority: number;
  station_metadata: Record<string, unknown>;
  station_id: string | null;
  status: InspectionStatus;
  verdict: Verdict | null;
  reason: string | null;
  attempt: number;
  version: number;
  created_by: string;
  created_at: Date;
  updated_at: Date;
  completed_at: Date | null;
  inspected_at: Date | null;
  station_epoch: number | null;
  station_sequence: number | null;
}

/** The record as the API shows it. */
export function presentInspection(row: InspectionRecord): Inspection {
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
