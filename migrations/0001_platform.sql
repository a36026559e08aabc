-- What every slice stands on: the outbox, the inbox, positions of the consumer groups, keys of requests, the ledger of changes.
-- Runs on PostgreSQL 15 to 18: nothing newer than 15 here.
CREATE SCHEMA platform;

-- Events, written in the transaction of the change they tell of. Read in the order (xid, seq) below pg_snapshot_xmin(pg_current_snapshot()):
-- numbers commit out of order, so a reader of "seq > last" would lose rows. The door sees to it that a later change of one record never has
-- a lower xid than an earlier one. `event` is json, not jsonb: the text stays as it was written.
CREATE TABLE platform.outbox (
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  seq bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  topic text NOT NULL,
  partition smallint NOT NULL,
  key text NOT NULL,
  event_id uuid NOT NULL,
  occurred_at timestamptz NOT NULL,
  event json NOT NULL,
  PRIMARY KEY (xid, seq)
);
CREATE INDEX outbox_lane ON platform.outbox (topic, partition, xid, seq);

-- The last row that maintenance removed: a reader that stands before it has missed something.
CREATE TABLE platform.outbox_trim (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  xid xid8 NOT NULL,
  seq bigint NOT NULL
);
INSERT INTO platform.outbox_trim (xid, seq) VALUES ('0', 0);

-- Which group has applied which event; written in the transaction of the effect. A ring of 12 days, `slot` = day of the event's id modulo 12:
-- maintenance empties the slots of 8 and 9 days ago, so no partition is ever missing and none is deleted row by row.
CREATE TABLE platform.inbox (
  slot smallint NOT NULL,
  consumer_group text NOT NULL,
  event_id uuid NOT NULL,
  PRIMARY KEY (slot, consumer_group, event_id)
) PARTITION BY LIST (slot);

-- Requests that came with an Idempotency-Key, and what was answered. The same ring, by the day of writing. Unique only within a slot: the
-- door holds an advisory lock on (caller, key) and looks into all slots before it writes.
CREATE TABLE platform.idempotency (
  slot smallint NOT NULL,
  caller text NOT NULL,
  key text NOT NULL,
  request_hash text NOT NULL,
  status smallint NOT NULL,
  location text,
  body text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (slot, caller, key)
) PARTITION BY LIST (slot);

DO $$
BEGIN
  FOR slot IN 0..11 LOOP
    EXECUTE format('create table platform.inbox_%s partition of platform.inbox for values in (%s)', slot, slot);
    EXECUTE format('create table platform.idempotency_%s partition of platform.idempotency for values in (%s)', slot, slot);
  END LOOP;
END $$;

-- Processes that serve groups. One row a process is renewed; a partition belongs to its owner while that row lives.
CREATE TABLE platform.bus_member (
  owner text PRIMARY KEY,
  groups text[] NOT NULL,
  lease_until timestamptz NOT NULL
);

-- How far a group has come in each partition of each topic. `generation` grows with every change of owner: an owner that was away too long
-- cannot move a position that is no longer its own.
CREATE TABLE platform.bus_position (
  consumer_group text NOT NULL,
  topic text NOT NULL,
  partition smallint NOT NULL,
  xid xid8 NOT NULL DEFAULT '0',
  seq bigint NOT NULL DEFAULT 0,
  owner text,
  generation bigint NOT NULL DEFAULT 0,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (consumer_group, topic, partition)
);

-- Events that a group could not apply, with the cause and the bytes as they came.
CREATE TABLE platform.bus_parked (
  consumer_group text NOT NULL,
  event_id uuid NOT NULL,
  topic text NOT NULL,
  partition smallint NOT NULL,
  key text NOT NULL,
  cause text NOT NULL,
  attempts integer NOT NULL,
  event text NOT NULL,
  state text NOT NULL DEFAULT 'parked' CHECK (state IN ('parked', 'redriven', 'done')),
  parked_at timestamptz NOT NULL DEFAULT now(),
  redriven_at timestamptz,
  PRIMARY KEY (consumer_group, event_id)
);
CREATE INDEX bus_parked_redriven ON platform.bus_parked (consumer_group) WHERE state = 'redriven';

-- The ledger: who did what to which record, when, the state before and after. Only ever added to.
CREATE TABLE platform.audit (
  id uuid PRIMARY KEY,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  action text NOT NULL,
  actor_subject text NOT NULL,
  actor_name text NOT NULL,
  actor_kind text NOT NULL CHECK (actor_kind IN ('person', 'client', 'system')),
  site text,
  object_type text NOT NULL,
  object_id text NOT NULL,
  old jsonb,
  new jsonb,
  reason text,
  request_id text,
  trace_id text NOT NULL
);
CREATE INDEX audit_object ON platform.audit (object_id, id);
CREATE INDEX audit_subject ON platform.audit (actor_subject, id);
CREATE INDEX audit_actor ON platform.audit (actor_name, id);

CREATE FUNCTION platform.refuse_change() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append only', tg_table_name USING errcode = '42501';
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON platform.audit FOR EACH ROW EXECUTE FUNCTION platform.refuse_change();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON platform.audit FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON platform.audit FROM public;

-- published
CREATE VIEW platform.audit_entry AS
  SELECT id, recorded_at, action, actor_subject, actor_name, actor_kind, site, object_type, object_id, old, new, reason, request_id
  FROM platform.audit;
