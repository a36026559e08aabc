-- Monitoring: the measuring itself is measured. What a person says of a model's findings is counted, and a station that drifts is named.
CREATE SCHEMA monitoring;

-- Looks that change no verdict by themselves: asked for in the commit that gave the verdict, closed by what a person says. `share` is the part of all
-- passes that was drawn when this one was: a rate over several shares can be weighed by it. `rank` and `score` order the queue.
CREATE TABLE disposition.look (
  inspection_id uuid NOT NULL,
  kind          text NOT NULL CHECK (kind IN ('audit', 'severity', 'disagreement')),
  site          text NOT NULL,
  station_id    text,
  why           text NOT NULL,
  operation_id  uuid,
  share         double precision,
  rank          smallint NOT NULL DEFAULT 0,
  score         double precision NOT NULL DEFAULT -1,
  asked_at      timestamptz NOT NULL DEFAULT now(),
  outcome       text CHECK (outcome IN ('agrees', 'disagrees', 'cannot_tell')),
  missed        integer NOT NULL DEFAULT 0,
  note          text,
  reviewed_by   text,
  reviewed_at   timestamptz,
  PRIMARY KEY (inspection_id, kind),
  CHECK ((outcome IS NULL) = (reviewed_at IS NULL))
);
-- The queue of one kind is a walk along this.
CREATE INDEX look_open ON disposition.look (kind, (-rank), (-score), inspection_id) WHERE outcome IS NULL;

-- published: looks that were asked for, and what came of them
CREATE VIEW disposition.look_taken AS
  SELECT inspection_id, kind, site, station_id, why, operation_id, share, asked_at, outcome, missed, note, reviewed_by, reviewed_at FROM disposition.look;

-- published: findings of a model that stand before a person; those that a later run replaced unseen are left out
CREATE VIEW disposition.model_call AS
  SELECT id, inspection_id, site, station_id, class, proposed_class, severity, score, x, y, width, height, operation_id, state, reviewed_by, reviewed_at,
         review_reason
  FROM disposition.defect
  WHERE source = 'model' AND operation_id IS NOT NULL
    AND NOT (state = 'rejected' AND reviewed_by = 'disposition' AND review_reason LIKE 'superseded by run %');
CREATE INDEX defect_of_run ON disposition.defect (operation_id) WHERE operation_id IS NOT NULL;

-- published: what people found on inspections where no model called it
CREATE VIEW disposition.missed_defect AS
  SELECT id, inspection_id, site, station_id, class, severity, x, y, width, height, state, reviewed_by, reviewed_at, review_reason
  FROM disposition.defect WHERE source = 'person';

-- published: the models of the registry
CREATE VIEW inference.known_model AS SELECT DISTINCT model FROM inference.model_version;

-- One row a deciding run: a board that a model was to judge.
CREATE TABLE monitoring.board (
  operation_id     uuid PRIMARY KEY,
  inspection_id    uuid NOT NULL,
  site             text NOT NULL,
  lot_id           text NOT NULL,
  station_id       text,
  model            text NOT NULL,
  version          integer NOT NULL,
  recipe           text,
  reference_sha256 text,
  features         jsonb,
  calls            integer NOT NULL,
  best_score       double precision,
  finished_at      timestamptz NOT NULL
);
CREATE INDEX board_of_model ON monitoring.board (model, finished_at);
CREATE INDEX board_of_inspection ON monitoring.board (inspection_id);

-- Where the detectors of a station and a model version stand (src/monitoring/watch.ts). The baseline is a column of its own: it stays as it is for
-- thousands of boards, and what is not changed is not written again.
CREATE TABLE monitoring.station_watch (
  site       text NOT NULL,
  station_id text NOT NULL,
  model      text NOT NULL,
  version    integer NOT NULL,
  baseline   jsonb,
  state      jsonb NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (site, station_id, model, version)
);

CREATE TABLE monitoring.drift_alarm (
  id              uuid PRIMARY KEY,
  site            text NOT NULL,
  station_id      text NOT NULL,
  model           text NOT NULL,
  version         integer NOT NULL,
  feature         text,
  detector        text NOT NULL CHECK (detector IN ('cusum', 'psi', 'false_calls')),
  direction       text CHECK (direction IN ('up', 'down')),
  value           double precision NOT NULL,
  "limit"         double precision NOT NULL,
  baseline_mean   double precision,
  current_mean    double precision,
  boards          integer NOT NULL,
  why             text NOT NULL,
  state           text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'acknowledged')),
  raised_at       timestamptz NOT NULL DEFAULT now(),
  acknowledged_by text,
  acknowledged_at timestamptz,
  note            text,
  relearn         boolean NOT NULL DEFAULT false,
  record_version  integer NOT NULL DEFAULT 1,
  CHECK ((state = 'acknowledged') = (acknowledged_at IS NOT NULL))
);
CREATE INDEX drift_alarm_order ON monitoring.drift_alarm ((state <> 'open'), id DESC);
-- One open alarm for what is seen: a drift that goes on is told once.
CREATE UNIQUE INDEX drift_alarm_open ON monitoring.drift_alarm (site, station_id, model, version, detector, coalesce(feature, '')) WHERE state = 'open';
