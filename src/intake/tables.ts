import type { ArtifactKind } from '../contracts/artifacts.ts';
import type { InspectionRecord } from '../contracts/inspection-record.ts';

export type InspectionRow = InspectionRecord;

export interface ArtifactRow {
  id: string;
  inspection_id: string;
  kind: ArtifactKind;
  content_type: string;
  size: number;
  sha256: string;
  filename: string | null;
  width: number | null;
  height: number | null;
  readable: boolean | null;
  created_by: string;
  created_at: Date;
  expired_at: Date | null;
}

export interface MeasurementRow {
  id: string;
  inspection_id: string;
  characteristic: string;
  value: number;
  unit: string;
  lsl: number | null;
  usl: number | null;
  target: number | null;
  created_at: Date;
}

/** Intake's own tables, and what the other slices publish for it to read. */
export interface IntakeTables {
  'intake.inspection': InspectionRow;
  'intake.artifact': ArtifactRow;
  'intake.measurement': MeasurementRow;
  'masterdata.site_rule': { code: string; time_zone: string; lot_id_pattern: string | null };
  'masterdata.known_station': { station_id: string; site: string; inspection_types: string[] };
  'masterdata.template_bytes': { sha256: string };
  'disposition.finding': {
    id: string;
    inspection_id: string;
    class: string;
    proposed_class: string;
    severity: string;
    score: number | null;
    x: number | null;
    y: number | null;
    width: number | null;
    height: number | null;
    characteristic: string | null;
    source: string;
    operation_id: string | null;
    state: string;
    reviewed_by: string | null;
    reviewed_at: Date | null;
    review_reason: string | null;
    version: number;
    created_at: Date;
  };
  'disposition.lot_state': { site: string; lot_id: string; state: 'open' | 'held' | 'released' };
  'disposition.measurement_outcome': {
    measurement_id: string;
    lsl: number | null;
    usl: number | null;
    target: number | null;
    limits_from: 'revision' | 'posted';
    in_limits: boolean;
  };
  'inference.provenance': {
    operation_id: string;
    inspection_id: string;
    model: string;
    version: number;
    model_sha256: string;
    runtime: string;
    thresholds: Record<string, number>;
    image_sha256: string;
    reference_sha256: string;
    candidates: unknown[];
    timings_ms: Record<string, number>;
    features: unknown;
    finished_at: Date;
    recipe_product: string | null;
    recipe_version: number | null;
  };
}
