-- Disposition: findings become a verdict; a lot is held or released.
CREATE SCHEMA disposition;

CREATE TABLE disposition.policy (
  name       text NOT NULL,
  version    integer NOT NULL,
  rules      jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (name, version)
);
INSERT INTO disposition.policy (name, version, rules) VALUES ('standard', 1, '{
  "severity": {"open": "critical", "short": "critical", "mousebite": "medium", "spur": "medium", "spurious_copper": "medium", "pin_hole": "medium", "out_of_limits": "high"},
  "fail_from": "medium",
  "review_band": 0.1,
  "hold": {"min_judged": 10, "fail_fraction": 0.3}
}');

CREATE TABLE disposition.defect (
  id             uuid PRIMARY KEY,
  inspection_id  uuid NOT NULL,
  site           text NOT NULL,
  station_id     text,
  class          text NOT NULL,
  proposed_class text NOT NULL,
  severity       text NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')),
  score          double precision,
  x double precision, y double precision, width double precision, height double precision,
  characteristic text,
  source         text NOT NULL CHECK (source IN ('model', 'measurement', 'person')),
  operation_id   uuid,
  state          text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'confirmed', 'rejected')),
  reviewed_by    text,
  reviewed_at    timestamptz,
  review_reason  text,
  version        integer NOT NULL DEFAULT 1,
  created_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX defect_of_inspection ON disposition.defect (inspection_id, id);
CREATE INDEX defect_unreviewed ON disposition.defect (inspection_id) WHERE state = 'proposed';

-- One row a decision: the first verdict and every revision, with the policy that it was made under.
CREATE TABLE disposition.judgement (
  id            uuid PRIMARY KEY,
  inspection_id uuid NOT NULL,
  verdict       text NOT NULL,
  reason        text NOT NULL,
  decided_by    text NOT NULL CHECK (decided_by IN ('model', 'limits', 'person')),
  actor         text NOT NULL,
  policy_name   text,
  policy_version integer,
  operation_id  uuid,
  first         boolean NOT NULL,
  -- Said by a person without looking at single defects: a review of these does not turn it to pass.
  by_hand       boolean NOT NULL DEFAULT false,
  decided_at    timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX judgement_first ON disposition.judgement (inspection_id) WHERE first;
CREATE INDEX judgement_of_inspection ON disposition.judgement (inspection_id, decided_at);

CREATE TABLE disposition.measurement_judgement (
  measurement_id uuid PRIMARY KEY,
  lsl            double precision,
  usl            double precision,
  target         double precision,
  limits_from    text NOT NULL CHECK (limits_from IN ('revision', 'posted')),
  in_limits      boolean NOT NULL
);

CREATE TABLE disposition.lot (
  site       text NOT NULL,
  lot_id     text NOT NULL,
  state      text NOT NULL CHECK (state IN ('open', 'held', 'released')),
  reason     text NOT NULL,
  decided_by text NOT NULL,
  decided_at timestamptz NOT NULL DEFAULT now(),
  version    integer NOT NULL DEFAULT 1,
  PRIMARY KEY (site, lot_id)
);

-- What a lot's verdicts add up to, kept with each verdict: the rule that holds a lot looks here, not at a hundred thousand rows.
CREATE TABLE disposition.lot_tally (
  site   text NOT NULL,
  lot_id text NOT NULL,
  judged integer NOT NULL,
  failed integer NOT NULL,
  PRIMARY KEY (site, lot_id)
);

-- published: defects for the inspection that shows them
CREATE VIEW disposition.finding AS SELECT * FROM disposition.defect;

-- published: the limits that judged a measurement, and the outcome
CREATE VIEW disposition.measurement_outcome AS SELECT * FROM disposition.measurement_judgement;

-- published: lots that are or were held or released; a lot that is not here is open
CREATE VIEW disposition.lot_state AS SELECT * FROM disposition.lot;

-- published: the policies that a product revision may name
CREATE VIEW disposition.known_policy AS SELECT name, version FROM disposition.policy;
