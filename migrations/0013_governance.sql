-- Governing models: stages, a canary that is split by lot, recipes of thresholds, and looks beside production that decide nothing.

ALTER TABLE inference.model_version
  ADD COLUMN stage_since timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN canary_percent smallint CHECK (canary_percent BETWEEN 1 AND 50),
  -- The version whose place in production this one took: where a rollback leads.
  ADD COLUMN replaced integer,
  -- Taken back as canary or production: the lots that it judged go on with production. A version that was only followed by a better one keeps its lots.
  ADD COLUMN withdrawn boolean NOT NULL DEFAULT false,
  ADD COLUMN card text;
UPDATE inference.model_version SET stage_since = registered_at;
CREATE UNIQUE INDEX model_in_canary ON inference.model_version (model) WHERE stage = 'canary';
CREATE UNIQUE INDEX model_in_shadow ON inference.model_version (model) WHERE stage = 'shadow';

-- What a version is, it stays: only its stage moves.
CREATE FUNCTION inference.keep_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (OLD.model, OLD.version, OLD.sha256, OLD.manifest, OLD.registered_at) IS DISTINCT FROM (NEW.model, NEW.version, NEW.sha256, NEW.manifest, NEW.registered_at) THEN
    RAISE EXCEPTION 'model version %/% does not change', OLD.model, OLD.version;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER keep_version BEFORE UPDATE ON inference.model_version FOR EACH ROW EXECUTE FUNCTION inference.keep_version();

CREATE TABLE inference.stage_change (
  id             uuid PRIMARY KEY,
  model          text NOT NULL,
  version        integer NOT NULL,
  from_stage     text,
  to_stage       text NOT NULL,
  canary_percent smallint,
  automatic      boolean NOT NULL DEFAULT false,
  rollback       boolean NOT NULL DEFAULT false,
  reason         text NOT NULL,
  made_by        text NOT NULL,
  figures        jsonb,
  made_at        timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (model, version) REFERENCES inference.model_version (model, version)
);
CREATE INDEX stage_change_of_version ON inference.stage_change (model, version, id);

-- Which version judges a lot, from its first board on.
CREATE TABLE inference.lot_model (
  model      text NOT NULL,
  site       text NOT NULL,
  lot_id     text NOT NULL,
  version    integer NOT NULL,
  since      timestamptz NOT NULL DEFAULT now(),
  moved_from integer,
  PRIMARY KEY (model, site, lot_id)
);
INSERT INTO inference.lot_model (model, site, lot_id, version)
  SELECT DISTINCT ON (model, site, lot_id) model, site, lot_id, version FROM inference.job
  WHERE NOT named AND version IS NOT NULL ORDER BY model, site, lot_id, created_at DESC;

-- 0 to 99, the same for a lot for ever: the first four bytes of SHA-256 of "site/lot", modulo 100.
CREATE FUNCTION inference.lot_share(of_site text, of_lot text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (('x' || left(encode(sha256(convert_to(of_site || '/' || of_lot, 'UTF8')), 'hex'), 8))::bit(32)::bigint % 100)::integer
$$;

-- The version that is to judge a lot: the one that judged it before, unless that was withdrawn (then production); a lot that no version has judged goes
-- to the canary when its share lies below the canary's percent. `held`: the versions whose bytes are here. No row's version is null when none can.
CREATE FUNCTION inference.route_lot(of_model text, of_site text, of_lot text, held integer[])
RETURNS TABLE (routed integer, known boolean) LANGUAGE sql STABLE AS $$
  SELECT coalesce(
      (SELECT v.version FROM inference.model_version v
        WHERE v.model = of_model AND v.version = l.version AND v.version = ANY (held)
          AND (v.stage IN ('production', 'canary') OR (v.stage = 'retired' AND NOT v.withdrawn))),
      CASE WHEN l.version IS NULL THEN (
        SELECT v.version FROM inference.model_version v
         WHERE v.model = of_model AND v.stage = 'canary' AND v.version = ANY (held) AND inference.lot_share(of_site, of_lot) < v.canary_percent) END,
      (SELECT v.version FROM inference.model_version v WHERE v.model = of_model AND v.stage = 'production')),
    l.version IS NOT NULL
  FROM (SELECT 1) AS one LEFT JOIN inference.lot_model l ON l.model = of_model AND l.site = of_site AND l.lot_id = of_lot
$$;

-- Thresholds by product and class; `product` is empty for every product without a recipe of its own. The newest of a product applies.
CREATE TABLE inference.recipe (
  model      text NOT NULL,
  product    text NOT NULL,
  version    integer NOT NULL,
  thresholds jsonb NOT NULL,
  reason     text NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (model, product, version)
);
CREATE FUNCTION inference.keep_recipe() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'recipe % of % for "%" does not change', OLD.version, OLD.model, OLD.product;
END $$;
CREATE TRIGGER keep_recipe BEFORE UPDATE OR DELETE ON inference.recipe FOR EACH ROW EXECUTE FUNCTION inference.keep_recipe();

-- `role`: what the version was when the run was claimed; `named` when somebody asked for it by number.
ALTER TABLE inference.run
  ADD COLUMN role text NOT NULL DEFAULT 'production' CHECK (role IN ('production', 'canary', 'named')),
  ADD COLUMN decides boolean NOT NULL DEFAULT true,
  ADD COLUMN recipe_product text,
  ADD COLUMN recipe_version integer,
  -- Candidates at or over their thresholds. Null on runs of before.
  ADD COLUMN calls integer;
UPDATE inference.run r SET role = CASE WHEN j.named THEN 'named' ELSE 'production' END, decides = j.decides
  FROM inference.job j WHERE j.operation_id = r.operation_id AND (j.named OR NOT j.decides);
CREATE INDEX run_judged ON inference.run (model, finished_at, operation_id) WHERE decides;

-- published: provenance of every finished run
CREATE OR REPLACE VIEW inference.provenance AS SELECT * FROM inference.run;

-- Tries of a version that gave no answer: most are tried again, so a job alone does not tell of them.
CREATE TABLE inference.model_fault (
  id           uuid PRIMARY KEY,
  model        text NOT NULL,
  version      integer NOT NULL,
  operation_id uuid NOT NULL,
  error        text NOT NULL,
  at           timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX model_fault_of_version ON inference.model_fault (model, version, at);

-- A second look at a board that was judged: a shadow's at production's board, production's at a canary's. It never answers.
CREATE TABLE inference.comparison (
  id                 uuid PRIMARY KEY,
  operation_id       uuid NOT NULL,
  model              text NOT NULL,
  role               text NOT NULL CHECK (role IN ('shadow', 'canary')),
  production_version integer NOT NULL,
  candidate_version  integer NOT NULL,
  stage_since        timestamptz NOT NULL,
  inspection_id      uuid NOT NULL,
  site               text NOT NULL,
  lot_id             text NOT NULL,
  station_id         text,
  state              text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'failed')),
  error              text,
  candidates         jsonb,
  thresholds         jsonb,
  agrees             boolean,
  cells              jsonb,
  differences        jsonb,
  production_calls   integer,
  candidate_calls    integer,
  infer_ms           double precision,
  verdict            text CHECK (verdict IN ('production', 'candidate', 'neither')),
  note               text,
  settled_by         text,
  settled_at         timestamptz,
  version            integer NOT NULL DEFAULT 1,
  created_at         timestamptz NOT NULL DEFAULT now(),
  UNIQUE (operation_id, production_version, candidate_version)
);
CREATE INDEX comparison_of_candidate ON inference.comparison (model, candidate_version, stage_since, id);
CREATE INDEX comparison_differs ON inference.comparison (model, id) WHERE agrees = false;

-- published: what each version of a policy says, for who judges the past again
CREATE VIEW disposition.policy_rules AS SELECT name, version, rules FROM disposition.policy;
