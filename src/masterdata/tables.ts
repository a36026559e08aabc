import type { MeasurementLimit } from '../contracts/masterdata.ts';

export interface RevisionRow {
  product: string;
  revision: string;
  description: string | null;
  limits: MeasurementLimit[];
  policy_name: string;
  policy_version: number;
  template_sha256: string | null;
  template_content_type: string | null;
  template_width: number | null;
  template_height: number | null;
  template_size: number | null;
  version: number;
  created_by: string;
  created_at: Date;
  updated_at: Date;
}

export interface LotRow {
  site: string;
  lot_id: string;
  product: string | null;
  revision: string | null;
  opened_at: Date;
  version: number;
}

/** Master data's own tables, and what the other slices publish for it to read. */
export interface MasterdataTables {
  'masterdata.site': { code: string; name: string; time_zone: string; lot_id_pattern: string | null };
  'masterdata.station': { station_id: string; site: string; name: string; inspection_types: string[]; line: string | null };
  'masterdata.product_revision': RevisionRow;
  'masterdata.lot': LotRow;
  'intake.inspection_now': {
    id: string;
    site: string;
    lot_id: string;
    station_id: string | null;
    status: string;
    verdict: string | null;
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
  'disposition.lot_state': {
    site: string;
    lot_id: string;
    state: 'open' | 'held' | 'released';
    reason: string;
    decided_by: string;
    decided_at: Date;
    version: number;
  };
  'disposition.known_policy': { name: string; version: number };
}
