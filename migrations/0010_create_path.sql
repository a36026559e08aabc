-- What a create writes, narrower: one index of a chip's inspections serves its attempts and its history.
DROP INDEX intake.inspection_attempt;
DROP INDEX intake.inspection_by_chip;
CREATE UNIQUE INDEX inspection_attempt ON intake.inspection (chip_id, site, lot_id, inspection_type, attempt);
