-- Whose version an event tells of, for versions after the first: a reader that meets version 3 looks here for a version 2 that stands behind it. A
-- creation leaves it empty and is in no index: whoever changes a record locked it first, and so has a higher transaction id than its creation.
ALTER TABLE platform.outbox ADD COLUMN record text;
UPDATE platform.outbox SET record = event -> 'aggregate' ->> 'id' WHERE (event -> 'aggregate' ->> 'version')::int > 1;
CREATE INDEX outbox_record ON platform.outbox (record, xid, seq) WHERE record IS NOT NULL;
