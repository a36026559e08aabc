-- What each run was given, in figures: copper, shift, residual, stretch, sharpness. Null on runs of before this column.
ALTER TABLE inference.run ADD COLUMN features jsonb;

-- published: provenance of every finished run
CREATE OR REPLACE VIEW inference.provenance AS SELECT * FROM inference.run;
