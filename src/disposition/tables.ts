import type { ColumnType, Generated } from 'kysely';
import type { DefectClass, Severity } from '../contracts/defects.ts';
import type { InspectionRecord } from '../contracts/inspection-record.ts';
import type { Verdict } from '../contracts/inspections.ts';
import type { LotState, MeasurementLimit, PolicyRules } from '../contracts/masterdata.ts';
import type { Disagreement } from '../contracts/models.ts';
import type { LookOutcome, MissedAt } from '../contracts/review.ts';

export interface DefectRow {
  id: string;
  inspection_id: string;
  site: string;
  station_id: string | null;
  class: DefectClass;
  proposed_class: DefectClass;
  severity: Severity;
  score: number | null;
  x: number | null;
  y: number | null;
  width: number | null;
  height: number | null;
  characteristic: string | null;
  source: 'model' | 'measurement' | 'person';
  operation_id: string | null;
  state: 'proposed' | 'confirmed' | 'rejected';
  reviewed_by: string | null;
  reviewed_at: Date | null;
  review_reason: string | null;
  version: number;
  created_at: Date;
  /** With source `person` alone: at which look. */
  found_at: MissedAt | null;
}

type WithDefaults<Row, Keys extends keyof Row> = Omit<Row, Keys> & { [Key in Keys]: Generated<Row[Key]> };

export type InspectionRow = InspectionRecord;

export interface LookRow {
  inspection_id: string;
  kind: 'audit' | 'severity' | 'disagreement';
  site: string;
  station_id: string | null;
  why: string;
  operation_id: string | null;
  share: number | null;
  rank: number;
  score: number;
  asked_at: Date;
  outcome: LookOutcome | null;
  missed: number;
  note: string | null;
  reviewed_by: string | null;
  reviewed_at: Date | null;
  /** With kind `disagreement` alone, as the two below. */
  disagreement_id: string | null;
  model: string | null;
  candidate_version: number | null;
}

/** An audit that was answered and is asked again. */
export interface RepeatRow {
  id: string;
  inspection_id: string;
  site: string;
  station_id: string | null;
  operation_id: string | null;
  share: number;
  asked_at: Date;
  /** Who is who is told by the subject; names are for the reader. */
  first_subject: string;
  first_by: string;
  first_outcome: LookOutcome;
  second_subject: string | null;
  second_by: string | null;
  second_outcome: LookOutcome | null;
  second_at: Date | null;
  third_subject: string | null;
  third_by: string | null;
  third_outcome: LookOutcome | null;
  third_at: Date | null;
  /** Whose answer is asked for. */
  state: 'second' | 'third' | 'done';
}
type AnswerOfRepeat = `${'second' | 'third'}_${'subject' | 'by' | 'outcome' | 'at'}`;

/** A board that two versions of a model called otherwise, as inference publishes it. */
export interface DisagreementRow {
  id: string;
  model: string;
  role: 'shadow' | 'canary';
  production_version: number;
  candidate_version: number;
  inspection_id: string;
  differences: Disagreement['differences'];
  calls_differ: number;
  verdict: Disagreement['right'];
  note: string | null;
  settled_by: string | null;
  settled_at: Date | null;
  /** The candidate is still a shadow or a canary. */
  beside: boolean;
}

export interface LotRow {
  site: string;
  lot_id: string;
  state: LotState;
  reason: string;
  decided_by: string;
  decided_at: Date;
  version: number;
}

export interface RevisionOfLot {
  site: string;
  lot_id: string;
  product: string | null;
  revision: string | null;
  lot_version: number;
  opened_at: Date;
  limits: MeasurementLimit[] | null;
  policy_name: string | null;
  policy_version: number | null;
}

type LinkOfLook = 'disagreement_id' | 'model' | 'candidate_version';

export interface DispositionTables {
  'disposition.policy': { name: string; version: number; rules: ColumnType<PolicyRules, string, string>; created_at: Generated<Date> };
  'disposition.defect': WithDefaults<DefectRow, 'state' | 'version' | 'created_at' | 'found_at'>;
  'disposition.look': WithDefaults<
    LookRow,
    'rank' | 'score' | 'asked_at' | 'outcome' | 'missed' | 'note' | 'reviewed_by' | 'reviewed_at' | LinkOfLook
  >;
  'disposition.repeat': Omit<WithDefaults<RepeatRow, 'asked_at' | AnswerOfRepeat>, 'state'> & {
    state: ColumnType<RepeatRow['state'], never, never>;
  };
  'disposition.judgement': {
    id: string;
    inspection_id: string;
    verdict: Verdict;
    reason: string;
    decided_by: 'model' | 'limits' | 'person';
    actor: string;
    policy_name: string | null;
    policy_version: number | null;
    operation_id: string | null;
    first: boolean;
    by_hand: Generated<boolean>;
    decided_at: Generated<Date>;
  };
  'disposition.measurement_judgement': {
    measurement_id: string;
    lsl: number | null;
    usl: number | null;
    target: number | null;
    limits_from: 'revision' | 'posted';
    in_limits: boolean;
  };
  'disposition.lot': LotRow;
  'disposition.lot_tally': { site: string; lot_id: string; judged: number; failed: number };
  /** Published by intake, master data and inference. */
  'intake.inspection_now': InspectionRow;
  'intake.artifact_file': { inspection_id: string; kind: string; width: number | null; height: number | null };
  'intake.measured': {
    id: string;
    inspection_id: string;
    characteristic: string;
    value: number;
    unit: string;
    lsl: number | null;
    usl: number | null;
    target: number | null;
    created_at: Date;
  };
  'intake.lot_count': {
    site: string;
    lot_id: string;
    total: number;
    pending: number;
    in_progress: number;
    awaiting_review: number;
    pass: number;
    fail: number;
    inconclusive: number;
    cancelled: number;
  };
  'masterdata.lot_revision': RevisionOfLot;
  'inference.model_disagreement': DisagreementRow;
  'inference.decided': { inspection_id: string; operation_id: string; finished_at: Date };
  'inference.at_work': { inspection_id: string; operation_id: string; state: string };
}
