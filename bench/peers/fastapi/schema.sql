-- The tables of a peer, in a database of its own: a record, its event, and with duties its audit entry and the record of its key.
create table inspections (
  id uuid primary key,
  lot_id text not null,
  chip_id text not null,
  inspection_type text not null,
  priority int not null,
  status text not null,
  station_metadata jsonb not null,
  created_at timestamptz not null
);
create index inspections_by_lot on inspections (lot_id, created_at);

create table outbox (
  seq bigint generated always as identity primary key,
  topic text not null,
  key text not null,
  payload jsonb not null,
  created_at timestamptz not null default now()
);

create table audit (
  seq bigint generated always as identity primary key,
  at timestamptz not null default now(),
  actor text not null,
  action text not null,
  object_type text not null,
  object_id uuid not null,
  request_id text
);

create table idempotency (
  caller text not null,
  key text not null,
  hash bytea not null,
  object_id uuid not null,
  at timestamptz not null default now(),
  primary key (caller, key)
);
