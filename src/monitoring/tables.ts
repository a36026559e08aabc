import type { ColumnType, Generated } from 'kysely';
import type { BoardClass } from '../contracts/defects.ts';
import type { DRIFT_DETECTORS, DriftFeature } from '../contracts/monitoring.ts';
import type { Baseline } from './baseline.ts';
import type { Watch } from './watch.ts';

type JsonOrNull<T> = ColumnType<T | null, string | null, string | null>;
type Json<T> = ColumnType<T, string, string>;

export interface AlarmRow {
  id: string;
  site: string;
  station_id: string;
  model: string;
  version: number;
  feature: DriftFeature | null;
  detector: (typeof DRIFT_DETECTORS)[number];
  direction: 'up' | 'down' | null;
  value: number;
  limit: number;
  baseline_mean: number | null;
  current_mean: number | null;
  boards: number;
  why: string;
  state: 'open' | 'acknowledged';
  raised_at: Date;
  acknowledged_by: string | null;
  acknowledged_at: Date | null;
  note: string | null;
  relearn: boolean;
  record_version: number;
}

type AlarmDefaults = 'state' | 'raised_at' | 'relearn' | 'record_version';

export interface MonitoringTables {
  'monitoring.board': {
    operation_id: string;
    inspection_id: string;
    site: string;
    lot_id: string;
    station_id: string | null;
    model: string;
    version: number;
    recipe: string | null;
    reference_sha256: string | null;
    features: JsonOrNull<Record<string, unknown>>;
    calls: number;
    best_score: number | null;
    finished_at: Date;
  };
  'monitoring.station_watch': {
    site: string;
    station_id: string;
    model: string;
    version: number;
    baseline: JsonOrNull<Baseline>;
    state: Json<Watch['state']>;
    updated_at: Generated<Date>;
  };
  'monitoring.drift_alarm': Omit<AlarmRow, AlarmDefaults> & { [Key in AlarmDefaults]: Generated<AlarmRow[Key]> };
  /** Published by inference and disposition. */
  'intake.inspection_now': { id: string; status: string };
  'inference.known_model': { model: string };
  'inference.provenance': {
    operation_id: string;
    inspection_id: string;
    model: string;
    version: number;
    recipe_product: string | null;
    recipe_version: number | null;
    reference_sha256: string;
    features: Record<string, unknown> | null;
    finished_at: Date;
  };
  'masterdata.known_station': { station_id: string };
  'disposition.look_taken': { inspection_id: string; kind: string; operation_id: string | null; outcome: string | null };
  'disposition.model_call': {
    id: string;
    inspection_id: string;
    site: string;
    station_id: string | null;
    class: BoardClass;
    proposed_class: BoardClass;
    operation_id: string;
    state: 'proposed' | 'confirmed' | 'rejected';
    reviewed_at: Date | null;
  };
}
