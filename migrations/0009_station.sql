-- What a station claims of an inspection, beside what the server knows: when it looked, and the number that it counts its inspections with.
-- `created_at` stays the server's own time; it is what order, time-outs and retention go by.
ALTER TABLE intake.inspection
  ADD COLUMN inspected_at timestamptz,
  ADD COLUMN station_epoch bigint CHECK (station_epoch >= 0),
  ADD COLUMN station_sequence bigint CHECK (station_sequence >= 1),
  ADD CONSTRAINT sequence_of_a_station CHECK (
    (station_sequence IS NULL) = (station_epoch IS NULL) AND (station_sequence IS NULL OR station_id IS NOT NULL));

-- A number names one inspection of its station and epoch, for ever: what is sent again after its Idempotency-Key was forgotten is not stored twice.
-- An inspection without a number costs no entry. Gaps are read off this index.
CREATE UNIQUE INDEX inspection_sequence ON intake.inspection (station_id, station_epoch, station_sequence) WHERE station_sequence IS NOT NULL;

CREATE OR REPLACE VIEW intake.inspection_now AS
  SELECT id, site, lot_id, chip_id, inspection_type, priority, station_id, status, verdict, reason, attempt, version,
         created_by, created_at, updated_at, completed_at, station_metadata, inspected_at, station_epoch, station_sequence
  FROM intake.inspection;
