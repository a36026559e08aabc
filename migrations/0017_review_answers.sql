-- A defect that nobody called may be found at an audit, or at a look where two versions disagree. Of what was found before this, all was found at audits.
ALTER TABLE disposition.defect
  ADD COLUMN found_at text CHECK (found_at IN ('audit', 'disagreement')),
  ADD CONSTRAINT defect_found_by_person CHECK (found_at IS NULL OR source = 'person');

-- published: what people found on inspections where no model called it, and at which look
CREATE OR REPLACE VIEW disposition.missed_defect AS
  SELECT id, inspection_id, site, station_id, class, severity, x, y, width, height, state, reviewed_by, reviewed_at, review_reason,
         coalesce(found_at, 'audit') AS found_at, created_at
  FROM disposition.defect WHERE source = 'person';

-- An answered audit that is asked again of another person, and of a third where the two differ (src/disposition/repeats.ts). The share is that of the draw.
CREATE TABLE disposition.repeat (
  id             uuid PRIMARY KEY,
  inspection_id  uuid NOT NULL UNIQUE,
  site           text NOT NULL,
  station_id     text,
  operation_id   uuid,
  share          double precision NOT NULL,
  asked_at       timestamptz NOT NULL DEFAULT now(),
  first_by       text NOT NULL,
  first_outcome  text NOT NULL CHECK (first_outcome IN ('agrees', 'disagrees', 'cannot_tell')),
  second_by      text,
  second_outcome text CHECK (second_outcome IN ('agrees', 'disagrees', 'cannot_tell')),
  second_at      timestamptz,
  third_by       text,
  third_outcome  text CHECK (third_outcome IN ('agrees', 'disagrees', 'cannot_tell')),
  third_at       timestamptz,
  state          text NOT NULL GENERATED ALWAYS AS (
    CASE WHEN second_outcome IS NULL THEN 'second'
         WHEN second_outcome <> first_outcome AND third_outcome IS NULL THEN 'third'
         ELSE 'done' END) STORED,
  CHECK (second_by <> first_by),
  CHECK (third_by <> first_by AND third_by <> second_by),
  CHECK ((second_outcome IS NULL) = (second_by IS NULL) AND (third_outcome IS NULL) = (third_by IS NULL)),
  CHECK (third_outcome IS NULL OR second_outcome <> first_outcome)
);
CREATE INDEX repeat_open ON disposition.repeat (inspection_id) WHERE state <> 'done';
CREATE INDEX repeat_of_run ON disposition.repeat (operation_id);

-- published: answers of two people to the same audit, and of the third where they differ
CREATE VIEW disposition.repeat_look AS
  SELECT inspection_id, operation_id, site, share, asked_at, first_by, first_outcome, second_by, second_outcome, second_at, third_by, third_outcome, third_at, state
  FROM disposition.repeat;
