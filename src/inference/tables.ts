import type { ColumnType, Generated } from 'kysely';
import type { Candidate, InputFeatures } from '../contracts/inference.ts';
import type { InspectionStatus, InspectionType, Verdict } from '../contracts/inspections.ts';
import type { Manifest } from './models/manifest.ts';

type Json<T> = ColumnType<T, string, string>;

export interface JobTable {
  operation_id: string;
  inspection_id: string;
  site: string;
  lot_id: string;
  station_id: string | null;
  model: string | null;
  version: number | null;
  named: boolean;
  image_sha256: string;
  reference_sha256: string;
  automatic: boolean;
  decides: boolean;
  requested_by: string;
  priority: number;
  turn: Date;
  state: Generated<'queued' | 'running' | 'succeeded' | 'failed'>;
  attempts: Generated<number>;
  run_after: Generated<Date>;
  lease_owner: string | null;
  leased_until: Date | null;
  trace_id: string;
  error: string | null;
  created_at: Generated<Date>;
  started_at: Date | null;
  finished_at: Date | null;
}

export interface InferenceTables {
  'inference.model_version': {
    model: string;
    version: number;
    stage: 'draft' | 'shadow' | 'canary' | 'production' | 'retired';
    sha256: string;
    manifest: Json<Manifest>;
    registered_at: Generated<Date>;
  };
  'inference.job': JobTable;
  'inference.run': {
    operation_id: string;
    inspection_id: string;
    model: string;
    version: number;
    model_sha256: string;
    runtime: string;
    thresholds: Json<Record<string, number>>;
    image_sha256: string;
    reference_sha256: string;
    candidates: Json<Candidate[]>;
    timings_ms: Json<Record<string, number>>;
    /** Null on runs of before migration 0013. */
    features: Json<InputFeatures | null>;
    finished_at: Generated<Date>;
  };
  /** Published by intake and master data. */
  'intake.inspection_now': InspectionRow;
  'intake.artifact_file': {
    id: string;
    inspection_id: string;
    kind: string;
    sha256: string;
    readable: boolean | null;
    expired_at: Date | null;
  };
  'masterdata.lot_revision': { site: string; lot_id: string; template_sha256: string | null };
}

/** An inspection as `intake.lock_inspection` answers it; only what this slice looks at. */
export interface InspectionRow {
  id: string;
  site: string;
  lot_id: string;
  chip_id: string;
  inspection_type: InspectionType;
  priority: number;
  station_id: string | null;
  status: InspectionStatus;
  verdict: Verdict | null;
  reason: string | null;
  version: number;
}
