"""The three forms on SQLAlchemy. Each is `save(row, cause)`; the ADR's takes the session of its request as well."""

from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Integer, LargeBinary, Text, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PostgresUUID
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.util import greenlet_spawn

from cause import Cause
from settings import SETTINGS
from statements import COLUMNS, one_record
from tables import AuditRow, IdempotencyRow, InspectionRow, OutboxRow

# The ADR's 20 + 30 closes every overflow connection when it comes back to a full queue: hundreds of new sessions in a few seconds of load.
# Fifty that stay cost less on both sides, so only the ADR's form keeps 20 + 30.
_SIZE = {"pool_size": 20, "max_overflow": 30} if SETTINGS.form == "adr" else {"pool_size": 50, "max_overflow": 0}

engine = create_async_engine(
    SETTINGS.database_url.replace("postgresql://", "postgresql+asyncpg://"),
    **_SIZE,
    pool_pre_ping=True,
    pool_recycle=3600,
    json_serializer=lambda value: orjson.dumps(value).decode(),
    json_deserializer=orjson.loads,
    connect_args={"server_settings": {"jit": "off"}},
    **({"isolation_level": "AUTOCOMMIT"} if SETTINGS.form == "expert" else {}),
)

_TYPES: dict[str, Any] = {
    "id": PostgresUUID(as_uuid=True),
    "priority": Integer,
    "station_metadata": JSONB,
    "created_at": TIMESTAMP(timezone=True),
    "body_hash": LargeBinary,
}
_NAMES = (*COLUMNS, *(Cause._fields if SETTINGS.duties else ()))
_INSERT = text(one_record(SETTINGS.duties)).bindparams(*[bindparam(name, type_=_TYPES.get(name, Text)) for name in _NAMES])


def _values(row: dict, cause: Cause | None) -> dict:
    return row if cause is None else row | cause._asdict()


async def save_usual(row: dict, cause: Cause | None) -> None:
    """What most good teams write: one Core statement in a transaction block. Six round trips: ping in its own transaction, BEGIN, statement, COMMIT."""
    async with engine.begin() as connection:
        await connection.execute(_INSERT, _values(row, cause))


def _execute(values: dict) -> None:
    with engine.sync_engine.connect() as connection:
        connection.execute(_INSERT, values)


async def save_expert(row: dict, cause: Cause | None) -> None:
    """In autocommit the statement is the transaction: two round trips. Connect, execute and release in one greenlet cost a quarter less than three awaits."""
    await greenlet_spawn(_execute, _values(row, cause))


sessions = async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)


async def session_of_request():
    """The ADR's dependency."""
    async with sessions() as session:
        try:
            yield session
        except Exception:
            await session.rollback()
            raise


async def save_objects(session: AsyncSession, row: dict, cause: Cause | None) -> None:
    """The ADR's form: objects added to a session, in one transaction."""
    identifier: UUID = row["id"]
    async with session.begin():
        session.add(InspectionRow(**row))
        session.add(OutboxRow(topic="inspection.created", key=str(identifier), payload=row))
        if cause is None:
            return
        session.add(
            AuditRow(
                actor=cause.actor,
                action="inspection.created",
                object_type="inspection",
                object_id=identifier,
                request_id=cause.request_id,
            )
        )
        if cause.key is not None:
            session.add(IdempotencyRow(caller=cause.actor, key=cause.key, hash=cause.body_hash, object_id=identifier))


async def close() -> None:
    await engine.dispose()
