-- Size: the tables that grow with time are cut into months, so that an insert, a vacuum and a removal each touch a small piece however many years
-- there are. Plain PostgreSQL; where TimescaleDB is there, `migrate` turns those that allow it into hypertables afterwards.

-- Which tables are cut by time. `append_only`: no row of a piece is changed, removed or truncated. `hypertable`: TimescaleDB may take it over.
-- `community`: what is run after that, by every `migrate`, where the edition is the community one (compression, aggregates and policies are not in the
-- Apache edition).
CREATE TABLE platform.time_table (
  name        text PRIMARY KEY,
  time_column text NOT NULL,
  append_only boolean NOT NULL,
  hypertable  boolean NOT NULL,
  community   text[] NOT NULL DEFAULT '{}'
);
-- The ledger stays in plain partitions even there: drop_chunks passes by every trigger, and TRUNCATE of a chunk those of its hypertable.
INSERT INTO platform.time_table (name, time_column, append_only, hypertable) VALUES
  ('platform.audit', 'recorded_at', true, false),
  ('intake.measurement', 'created_at', false, true);

-- The month (UTC) that begins at `from_time`, as a piece of its own; false when it is there, or lies in the piece that holds what was before.
CREATE FUNCTION platform.make_month(a_table text, from_time timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  piece text := a_table || '_' || to_char(from_time AT TIME ZONE 'UTC', 'YYYY_MM');
  to_time timestamptz := (from_time AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC';
BEGIN
  IF to_regclass(piece) IS NOT NULL THEN RETURN false; END IF;
  BEGIN
    EXECUTE format('CREATE TABLE %s PARTITION OF %s FOR VALUES FROM (%L) TO (%L)', piece, a_table, from_time, to_time);
  EXCEPTION WHEN invalid_object_definition THEN
    RETURN false;
  END;
  PERFORM platform.guard_piece(a_table, piece);
  RETURN true;
END $$;

-- Row triggers come to a partition from its table; against TRUNCATE every piece needs its own.
CREATE FUNCTION platform.guard_piece(a_table text, piece text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT append_only FROM platform.time_table WHERE name = a_table) THEN
    EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change()', piece);
  END IF;
END $$;

-- Makes this month and the next ones ahead of time, and brings rows that fell into the net (`<table>_rest`: no month was there) to months of
-- their own. They are copied and the emptied net is dropped, so that no trigger is ever switched off. Answers how many pieces are new.
CREATE FUNCTION platform.tend_time_table(a_table text, months_ahead integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  net text := a_table || '_rest';
  caught text := a_table || '_caught';
  time_name text := (SELECT time_column FROM platform.time_table WHERE name = a_table);
  any_caught boolean;
  expected bigint;
  moved bigint;
  month timestamptz;
  made integer := 0;
BEGIN
  IF (SELECT relkind FROM pg_class WHERE oid = a_table::regclass) <> 'p' THEN RETURN 0; END IF;
  IF to_regclass(net) IS NOT NULL THEN
    EXECUTE format('SELECT EXISTS (SELECT FROM %s)', net) INTO any_caught;
    IF any_caught THEN
      EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', a_table, net);
      EXECUTE format('ALTER TABLE %s RENAME TO %I', net, split_part(caught, '.', 2));
      EXECUTE format('SELECT count(*) FROM %s', caught) INTO expected;
      FOR month IN EXECUTE format('SELECT DISTINCT date_trunc(''month'', %I, ''UTC'') FROM %s', time_name, caught) LOOP
        made := made + platform.make_month(a_table, month)::int;
      END LOOP;
      EXECUTE format('INSERT INTO %s SELECT * FROM %s', a_table, caught);
      GET DIAGNOSTICS moved = ROW_COUNT;
      IF moved <> expected THEN RAISE EXCEPTION '% rows of % were caught and % moved', expected, a_table, moved; END IF;
      EXECUTE format('DROP TABLE %s', caught);
    END IF;
  END IF;
  FOR n IN 0..months_ahead LOOP
    month := date_trunc('month', now() AT TIME ZONE 'UTC' + make_interval(months => n)) AT TIME ZONE 'UTC';
    made := made + platform.make_month(a_table, month)::int;
  END LOOP;
  IF to_regclass(net) IS NULL THEN
    EXECUTE format('CREATE TABLE %s PARTITION OF %s DEFAULT', net, a_table);
    PERFORM platform.guard_piece(a_table, net);
  END IF;
  RETURN made;
END $$;

-- What was there before the cut becomes the first piece as it is, without a copy: it ends with the month of its last row. None when it is empty.
CREATE FUNCTION platform.keep_past(a_table text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  past text := a_table || '_past';
  time_name text := (SELECT time_column FROM platform.time_table WHERE name = a_table);
  last_time timestamptz;
BEGIN
  EXECUTE format('SELECT max(%I) FROM %s', time_name, past) INTO last_time;
  IF last_time IS NULL THEN
    EXECUTE format('DROP TABLE %s', past);
  ELSE
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (MINVALUE) TO (%L)', a_table, past,
      (date_trunc('month', greatest(last_time, now()) AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC');
  END IF;
END $$;

ALTER TABLE platform.audit RENAME TO audit_past;
ALTER TABLE platform.audit_past DROP CONSTRAINT audit_pkey;
ALTER TABLE platform.audit_past ALTER COLUMN id SET NOT NULL;
ALTER INDEX platform.audit_object RENAME TO audit_past_object;
DROP INDEX platform.audit_subject, platform.audit_actor;
DROP TRIGGER audit_append_only ON platform.audit_past;
CREATE TABLE platform.audit (LIKE platform.audit_past INCLUDING DEFAULTS INCLUDING CONSTRAINTS, PRIMARY KEY (id, recorded_at))
  PARTITION BY RANGE (recorded_at);
CREATE INDEX audit_object ON platform.audit (object_id, id);
-- A name leads here at once, a subject by a walk over the names (src/audit/queries.ts).
CREATE INDEX audit_actor ON platform.audit (actor_name, actor_subject, id);
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON platform.audit FOR EACH ROW EXECUTE FUNCTION platform.refuse_change();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON platform.audit FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON platform.audit FROM public;
-- published
CREATE OR REPLACE VIEW platform.audit_entry AS
  SELECT id, recorded_at, action, actor_subject, actor_name, actor_kind, site, object_type, object_id, old, new, reason, request_id
  FROM platform.audit;
SELECT platform.keep_past('platform.audit'), platform.tend_time_table('platform.audit', 3);

ALTER TABLE intake.measurement RENAME TO measurement_past;
ALTER TABLE intake.measurement_past DROP CONSTRAINT measurement_pkey;
ALTER TABLE intake.measurement_past ALTER COLUMN id SET NOT NULL;
ALTER INDEX intake.measurement_of_inspection RENAME TO measurement_past_of_inspection;
CREATE TABLE intake.measurement (
  LIKE intake.measurement_past INCLUDING DEFAULTS,
  PRIMARY KEY (id, created_at),
  FOREIGN KEY (inspection_id) REFERENCES intake.inspection
) PARTITION BY RANGE (created_at);
CREATE INDEX measurement_of_inspection ON intake.measurement (inspection_id, id);
-- published: measured values as posted
CREATE OR REPLACE VIEW intake.measured AS
  SELECT id, inspection_id, characteristic, value, unit, lsl, usl, target, created_at FROM intake.measurement;
SELECT platform.keep_past('intake.measurement'), platform.tend_time_table('intake.measurement', 3);

DROP FUNCTION platform.keep_past(text);

-- published: what was measured, by the hour; a continuous aggregate stands behind it where the TimescaleDB edition has one
CREATE VIEW intake.measured_hourly AS
  SELECT date_bin('1 hour', created_at, '2000-01-01 00:00+00') AS hour, characteristic, unit,
         count(*) AS count, avg(value) AS mean, min(value) AS least, max(value) AS greatest, stddev_samp(value) AS sigma
  FROM intake.measurement GROUP BY 1, 2, 3;

-- Compressed by characteristic and in the order of inspections: a batch keeps its least and greatest, so that reading one inspection opens few. No
-- retention policy: what goes is decided by intake, which knows what is held, never by age alone. The aggregate adds at reading what it has not
-- taken in yet, so that it answers like the plain view.
UPDATE platform.time_table SET community = ARRAY[
  $s$DO $do$ BEGIN
    IF NOT EXISTS (SELECT FROM timescaledb_information.compression_settings WHERE hypertable_schema = 'intake' AND hypertable_name = 'measurement') THEN
      ALTER TABLE intake.measurement SET (timescaledb.compress, timescaledb.compress_segmentby = 'characteristic',
        timescaledb.compress_orderby = 'inspection_id, created_at, id');
    END IF;
  END $do$$s$,
  $s$SELECT add_compression_policy('intake.measurement', compress_after => interval '90 days', if_not_exists => true)$s$,
  $s$CREATE MATERIALIZED VIEW IF NOT EXISTS intake.measurement_hour WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
    SELECT time_bucket('1 hour', created_at) AS hour, characteristic, unit, count(*) AS count, avg(value) AS mean, min(value) AS least,
           max(value) AS greatest, stddev_samp(value) AS sigma
    FROM intake.measurement GROUP BY 1, 2, 3 WITH NO DATA$s$,
  $s$SELECT add_continuous_aggregate_policy('intake.measurement_hour', start_offset => interval '7 days', end_offset => interval '1 hour',
    schedule_interval => interval '30 minutes', if_not_exists => true)$s$,
  $s$CREATE OR REPLACE VIEW intake.measured_hourly AS
    SELECT hour, characteristic, unit, count, mean, least, greatest, sigma FROM intake.measurement_hour$s$
] WHERE name = 'intake.measurement';

-- published: no lot is held or released until this transaction ends (readers go on)
CREATE FUNCTION disposition.hold_still() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  LOCK TABLE disposition.lot IN SHARE MODE;
END $$;

-- A station is asked for within a site: without it, a list for one site of a station of another walked through all of that station's records.
DROP INDEX intake.inspection_by_station;
CREATE INDEX inspection_by_station ON intake.inspection (site, station_id, id);
