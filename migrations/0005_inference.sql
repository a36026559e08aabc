-- Inference: a model looks at it. Jobs are durable; a run's provenance is kept for ever.
CREATE SCHEMA inference;

-- A version never changes: the same number with other bytes is refused at start.
CREATE TABLE inference.model_version (
  model         text NOT NULL,
  version       integer NOT NULL,
  stage         text NOT NULL CHECK (stage IN ('draft', 'shadow', 'canary', 'production', 'retired')),
  sha256        text NOT NULL,
  manifest      jsonb NOT NULL,
  registered_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (model, version)
);
CREATE UNIQUE INDEX model_in_production ON inference.model_version (model) WHERE stage = 'production';

-- `model` and `version` stay empty until a run is claimed when nobody named them: then the production version of that moment runs.
-- `turn` is the ageing priority as a time: created_at - priority x 30 s. The least runs first, so a point of priority is worth 30 s of waiting.
CREATE TABLE inference.job (
  operation_id     uuid PRIMARY KEY,
  inspection_id    uuid NOT NULL,
  site             text NOT NULL,
  lot_id           text NOT NULL,
  station_id       text,
  model            text,
  version          integer,
  named            boolean NOT NULL DEFAULT false,
  image_sha256     text NOT NULL,
  reference_sha256 text NOT NULL,
  automatic        boolean NOT NULL,
  decides          boolean NOT NULL,
  requested_by     text NOT NULL,
  priority         smallint NOT NULL CHECK (priority BETWEEN 1 AND 10),
  turn             timestamptz NOT NULL,
  state            text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'succeeded', 'failed')),
  attempts         integer NOT NULL DEFAULT 0,
  run_after        timestamptz NOT NULL DEFAULT now(),
  lease_owner      text,
  leased_until     timestamptz,
  trace_id         text NOT NULL,
  error            text,
  created_at       timestamptz NOT NULL DEFAULT now(),
  started_at       timestamptz,
  finished_at      timestamptz,
  CHECK (NOT named OR (model IS NOT NULL AND version IS NOT NULL))
);
CREATE INDEX job_waiting ON inference.job (turn) WHERE state IN ('queued', 'running');
CREATE INDEX job_of_inspection ON inference.job (inspection_id);
-- The automatic run happens once an inspection, however often its events are seen.
CREATE UNIQUE INDEX job_automatic ON inference.job (inspection_id) WHERE automatic;
-- One run at a time may decide.
CREATE UNIQUE INDEX job_deciding ON inference.job (inspection_id) WHERE decides AND state IN ('queued', 'running');

CREATE TABLE inference.run (
  operation_id     uuid PRIMARY KEY REFERENCES inference.job,
  inspection_id    uuid NOT NULL,
  model            text NOT NULL,
  version          integer NOT NULL,
  model_sha256     text NOT NULL,
  runtime          text NOT NULL,
  thresholds       jsonb NOT NULL,
  image_sha256     text NOT NULL,
  reference_sha256 text NOT NULL,
  candidates       jsonb NOT NULL,
  timings_ms       jsonb NOT NULL,
  finished_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX run_of_inspection ON inference.run (inspection_id, finished_at);

-- published: provenance of every finished run
CREATE VIEW inference.provenance AS SELECT * FROM inference.run;

-- published: inspections that a model is at, or is about to be
CREATE VIEW inference.at_work AS SELECT inspection_id, operation_id, state FROM inference.job WHERE state IN ('queued', 'running') AND decides;
