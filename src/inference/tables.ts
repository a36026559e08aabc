import type { ColumnType, Generated } from 'kysely';
import type { Candidate, InputFeatures } from '../contracts/inference.ts';
import type { InspectionRecord } from '../contracts/inspection-record.ts';
import type { PolicyRules } from '../contracts/masterdata.ts';
import type { Cell, Difference } from './models/agreement.ts';
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

/** What the version was when the run was claimed; `named`: somebody asked for it by number. */
export type RunRole = 'production' | 'canary' | 'named';

export interface ComparisonTable {
  id: string;
  operation_id: string;
  model: string;
  role: 'shadow' | 'canary';
  production_version: number;
  candidate_version: number;
  stage_since: Date;
  inspection_id: string;
  site: string;
  lot_id: string;
  station_id: string | null;
  state: Generated<'running' | 'done' | 'failed'>;
  error: string | null;
  candidates: Json<Candidate[]> | null;
  thresholds: Json<Record<string, number>> | null;
  agrees: boolean | null;
  cells: Json<Cell[]> | null;
  differences: Json<Difference[]> | null;
  production_calls: number | null;
  candidate_calls: number | null;
  infer_ms: number | null;
  verdict: 'production' | 'candidate' | 'neither' | 'cannot_tell' | null;
  note: string | null;
  settled_by: string | null;
  settled_at: Date | null;
  version: Generated<number>;
  created_at: Generated<Date>;
}

export interface InferenceTables {
  'inference.model_version': {
    model: string;
    version: number;
    stage: 'draft' | 'shadow' | 'canary' | 'production' | 'retired';
    sha256: string;
    manifest: Json<Manifest>;
    registered_at: Generated<Date>;
    stage_since: Generated<Date>;
    canary_percent: number | null;
    replaced: number | null;
    withdrawn: Generated<boolean>;
    card: string | null;
  };
  'inference.stage_change': {
    id: string;
    model: string;
    version: number;
    from_stage: string | null;
    to_stage: string;
    canary_percent: number | null;
    automatic: Generated<boolean>;
    rollback: Generated<boolean>;
    reason: string;
    made_by: string;
    figures: Json<Record<string, unknown>> | null;
    made_at: Generated<Date>;
  };
  'inference.lot_model': {
    model: string;
    site: string;
    lot_id: string;
    version: number;
    since: Generated<Date>;
    moved_from: number | null;
  };
  'inference.recipe': {
    model: string;
    /** Empty: every product without a recipe of its own. */
    product: string;
    version: number;
    thresholds: Json<Record<string, number>>;
    reason: string;
    created_by: string;
    created_at: Generated<Date>;
  };
  'inference.model_fault': { id: string; model: string; version: number; operation_id: string; error: string; at: Generated<Date> };
  'inference.comparison': ComparisonTable;
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
    role: Generated<RunRole>;
    decides: Generated<boolean>;
    recipe_product: string | null;
    recipe_version: number | null;
    calls: number | null;
  };
  /** Published by intake, disposition and master data. */
  'intake.inspection_now': InspectionRow;
  'intake.artifact_file': {
    id: string;
    inspection_id: string;
    kind: string;
    sha256: string;
    readable: boolean | null;
    expired_at: Date | null;
  };
  'disposition.policy_rules': { name: string; version: number; rules: PolicyRules };
  'masterdata.lot_revision': {
    site: string;
    lot_id: string;
    product: string | null;
    policy_name: string | null;
    policy_version: number | null;
    template_sha256: string | null;
  };
}

/** An inspection as `intake.lock_inspection` answers it; only what this slice looks at. */
export type InspectionRow = Pick<
  InspectionRecord,
  'id' | 'site' | 'lot_id' | 'chip_id' | 'inspection_type' | 'priority' | 'station_id' | 'status' | 'verdict' | 'reason' | 'version'
>;
