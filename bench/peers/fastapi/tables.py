"""The tables for SQLAlchemy: the ADR's objects."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Identity, LargeBinary, Text, func
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PostgresUUID
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    type_annotation_map = {str: Text, dict: JSONB, datetime: TIMESTAMP(timezone=True), UUID: PostgresUUID(as_uuid=True), bytes: LargeBinary}


class InspectionRow(Base):
    __tablename__ = "inspections"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    lot_id: Mapped[str]
    chip_id: Mapped[str]
    inspection_type: Mapped[str]
    priority: Mapped[int]
    status: Mapped[str]
    station_metadata: Mapped[dict]
    created_at: Mapped[datetime]


class OutboxRow(Base):
    __tablename__ = "outbox"
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    topic: Mapped[str]
    key: Mapped[str]
    payload: Mapped[dict]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class AuditRow(Base):
    __tablename__ = "audit"
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    actor: Mapped[str]
    action: Mapped[str]
    object_type: Mapped[str]
    object_id: Mapped[UUID]
    request_id: Mapped[str | None]


class IdempotencyRow(Base):
    __tablename__ = "idempotency"
    caller: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    hash: Mapped[bytes]
    object_id: Mapped[UUID]
