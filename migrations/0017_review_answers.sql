-- A defect that nobody called may be found at an audit, or at a look where two versions disagree. Of what was found before this, all was found at audits.
ALTER TABLE disposition.defect
  ADD COLUMN found_at text CHECK (found_at IN ('audit', 'disagreement')),
  ADD CONSTRAINT defect_found_by_person CHECK (found_at IS NULL OR source = 'person');

-- published: what people found on inspections where no model called it, and at which look
CREATE OR REPLACE VIEW disposition.missed_defect AS
  SELECT id, inspection_id, site, station_id, class, severity, x, y, width, height, state, reviewed_by, reviewed_at, review_reason,
         coalesce(found_at, 'audit') AS found_at, created_at
  FROM disposition.defect WHERE source = 'person';
