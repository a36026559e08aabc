"""The statements that write a record and all that belongs to it at once. Parameters are named; `numbered` is for asyncpg."""

import re

COLUMNS = ("id", "lot_id", "chip_id", "inspection_type", "priority", "status", "station_metadata", "created_at")
CAUSE = ("actor", "request_id", "key", "body_hash")

_RECORD = f"insert into inspections ({', '.join(COLUMNS)}) values ({', '.join(':' + name for name in COLUMNS)}) returning *"
_EVENT = """insert into outbox (topic, key, payload)
  select 'inspection.created', cast(inspection.id as text), to_jsonb(inspection) from inspection"""
_AUDIT = """insert into audit (actor, action, object_type, object_id, request_id)
  select cast(:actor as text), 'inspection.created', 'inspection', inspection.id, cast(:request_id as text) from inspection"""
_KEY = """insert into idempotency (caller, key, hash, object_id)
  select cast(:actor as text), cast(:key as text), cast(:body_hash as bytea), inspection.id from inspection
  where cast(:key as text) is not null"""


def one_record(duties: bool) -> str:
    """Record and event (and audit entry and key) as one statement, which in autocommit is its own transaction."""
    more = f", audited as ({_AUDIT}), keyed as ({_KEY})" if duties else ""
    return f"with inspection as ({_RECORD}){more}\n{_EVENT}"


def many_records(duties: bool) -> str:
    """The same for a group: one parameter, a JSON array of records with their causes."""
    types = "id uuid, lot_id text, chip_id text, inspection_type text, priority int, status text, station_metadata jsonb, created_at timestamptz"
    causes = ", actor text, request_id text, key text, body_hash text" if duties else ""
    more = (
        """,
  audited as (insert into audit (actor, action, object_type, object_id, request_id)
    select actor, 'inspection.created', 'inspection', id, request_id from given),
  keyed as (insert into idempotency (caller, key, hash, object_id)
    select actor, key, decode(body_hash, 'hex'), id from given where key is not null)"""
        if duties
        else ""
    )
    names = ", ".join(COLUMNS)
    return f"""with given as (select * from jsonb_to_recordset(cast($1 as jsonb)) as one({types}{causes})),
  inspection as (insert into inspections ({names}) select {names} from given returning *){more}
insert into outbox (topic, key, payload) select 'inspection.created', cast(id as text), to_jsonb(inspection) from inspection"""


def numbered(statement: str, names: tuple[str, ...]) -> str:
    """`:name` becomes `$n`, by its place in `names`."""
    return re.sub(r"(?<!:):([a-z_]+)", lambda found: f"${names.index(found[1]) + 1}", statement)
