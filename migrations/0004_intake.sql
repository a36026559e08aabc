-- Intake: a station's word becomes a record.
CREATE SCHEMA intake;

CREATE TABLE intake.inspection (
  id               uuid PRIMARY KEY,
  site             text NOT NULL,
  lot_id           text NOT NULL,
  chip_id          text NOT NULL,
  inspection_type  text NOT NULL,
  priority         smallint NOT NULL CHECK (priority BETWEEN 1 AND 10),
  station_metadata jsonb NOT NULL DEFAULT '{}',
  station_id       text,
  status           text NOT NULL DEFAULT 'pending'
                   CHECK (status IN ('pending', 'in_progress', 'awaiting_review', 'completed', 'cancelled', 'failed')),
  verdict          text CHECK (verdict IN ('pass', 'fail', 'inconclusive')),
  reason           text,
  attempt          integer NOT NULL CHECK (attempt >= 1),
  version          integer NOT NULL DEFAULT 1,
  created_by       text NOT NULL,
  created_at       timestamptz NOT NULL,
  updated_at       timestamptz NOT NULL,
  completed_at     timestamptz,
  CONSTRAINT verdict_when_completed CHECK ((verdict IS NOT NULL) = (status = 'completed'))
);
-- Ids are UUIDv7: the order of ids is the order of creation, so every list is a walk down one index.
CREATE INDEX inspection_by_site ON intake.inspection (site, id DESC);
CREATE INDEX inspection_by_station ON intake.inspection (station_id, id);
CREATE INDEX inspection_by_chip ON intake.inspection (chip_id, id DESC);
CREATE INDEX inspection_by_lot ON intake.inspection (site, lot_id, id DESC);
CREATE INDEX inspection_unsettled ON intake.inspection (status, id) WHERE status IN ('pending', 'in_progress', 'awaiting_review');
CREATE INDEX inspection_by_verdict ON intake.inspection (site, verdict, id DESC) WHERE verdict IN ('fail', 'inconclusive');
CREATE UNIQUE INDEX inspection_attempt ON intake.inspection (site, lot_id, chip_id, inspection_type, attempt);

CREATE TABLE intake.artifact (
  id            uuid PRIMARY KEY,
  inspection_id uuid NOT NULL REFERENCES intake.inspection,
  kind          text NOT NULL CHECK (kind IN ('image', 'reference', 'document', 'measurement')),
  content_type  text NOT NULL,
  size          bigint NOT NULL CHECK (size > 0),
  sha256        text NOT NULL,
  filename      text,
  width         integer,
  height        integer,
  readable      boolean,
  created_by    text NOT NULL,
  created_at    timestamptz NOT NULL,
  expired_at    timestamptz
);
CREATE INDEX artifact_of_inspection ON intake.artifact (inspection_id, id);
CREATE INDEX artifact_bytes ON intake.artifact (sha256) WHERE expired_at IS NULL;

CREATE TABLE intake.measurement (
  id             uuid PRIMARY KEY,
  inspection_id  uuid NOT NULL REFERENCES intake.inspection,
  characteristic text NOT NULL,
  value          double precision NOT NULL,
  unit           text NOT NULL,
  lsl            double precision,
  usl            double precision,
  target         double precision,
  created_at     timestamptz NOT NULL
);
CREATE INDEX measurement_of_inspection ON intake.measurement (inspection_id, id);

-- published: every inspection as it is now
CREATE VIEW intake.inspection_now AS
  SELECT id, site, lot_id, chip_id, inspection_type, priority, station_id, status, verdict, reason, attempt, version,
         created_by, created_at, updated_at, completed_at, station_metadata
  FROM intake.inspection;

-- published: files of inspections; the bytes are found by sha256
CREATE VIEW intake.artifact_file AS
  SELECT id, inspection_id, kind, content_type, sha256, width, height, readable, created_at, expired_at FROM intake.artifact;

-- published: measured values as posted
CREATE VIEW intake.measured AS
  SELECT id, inspection_id, characteristic, value, unit, lsl, usl, target, created_at FROM intake.measurement;

-- published: inspections of each lot by state and verdict
CREATE VIEW intake.lot_count AS
  SELECT site, lot_id, count(*)::int AS total,
         (count(*) FILTER (WHERE status = 'pending'))::int AS pending,
         (count(*) FILTER (WHERE status = 'in_progress'))::int AS in_progress,
         (count(*) FILTER (WHERE status = 'awaiting_review'))::int AS awaiting_review,
         (count(*) FILTER (WHERE verdict = 'pass'))::int AS pass,
         (count(*) FILTER (WHERE verdict = 'fail'))::int AS fail,
         (count(*) FILTER (WHERE verdict = 'inconclusive'))::int AS inconclusive,
         (count(*) FILTER (WHERE status = 'cancelled'))::int AS cancelled
  FROM intake.inspection GROUP BY site, lot_id;

-- published: takes the lock that every change of an inspection begins with (before the first write of its transaction)
CREATE FUNCTION intake.lock_inspection(an_id uuid) RETURNS SETOF intake.inspection LANGUAGE sql AS $$
  SELECT * FROM intake.inspection WHERE id = an_id FOR UPDATE
$$;

-- The state machine of an inspection. A verdict that a person revises is a step from completed to completed.
CREATE FUNCTION intake.step_allowed(was text, becomes text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT (was, becomes) IN (
    ('pending', 'in_progress'), ('pending', 'awaiting_review'), ('pending', 'completed'), ('pending', 'cancelled'),
    ('in_progress', 'awaiting_review'), ('in_progress', 'completed'), ('in_progress', 'cancelled'),
    ('awaiting_review', 'in_progress'), ('awaiting_review', 'completed'), ('awaiting_review', 'cancelled'),
    ('completed', 'completed'))
$$;

-- published: the one way in which another slice moves an inspection; answers the new row, or none when the step is not allowed
CREATE FUNCTION intake.move_inspection(an_id uuid, becomes text, a_verdict text, a_reason text) RETURNS SETOF intake.inspection LANGUAGE sql AS $$
  UPDATE intake.inspection
     SET status = becomes, verdict = a_verdict, reason = a_reason, version = version + 1, updated_at = clock_timestamp(),
         completed_at = CASE WHEN becomes = 'completed' THEN coalesce(completed_at, clock_timestamp()) END
   WHERE id = an_id AND intake.step_allowed(status, becomes)
  RETURNING *
$$;
