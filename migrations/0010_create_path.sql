-- What a create writes, narrower: one index of a chip's inspections serves its attempts and its history.
DROP INDEX intake.inspection_attempt;
DROP INDEX intake.inspection_by_chip;
CREATE UNIQUE INDEX inspection_attempt ON intake.inspection (chip_id, site, lot_id, inspection_type, attempt);

-- The states of the ledger as text that was written once: cheaper than taking it apart, and the bytes stay the ones that were recorded.
DROP VIEW platform.audit_entry;
ALTER TABLE platform.audit ALTER COLUMN old TYPE json USING old::json, ALTER COLUMN new TYPE json USING new::json;
-- published
CREATE VIEW platform.audit_entry AS
  SELECT id, recorded_at, action, actor_subject, actor_name, actor_kind, site, object_type, object_id, old, new, reason, request_id
  FROM platform.audit;
