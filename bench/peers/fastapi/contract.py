"""Shapes and rules of POST /v1/inspections, as ADR-001 gives them."""

from datetime import datetime, timezone
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from pydantic import BaseModel, Field, model_validator


class InspectionCreate(BaseModel):
    # The ADR's two validators of lot_id (prefix, upper case) are implied by the pattern.
    lot_id: Annotated[str, Field(min_length=3, max_length=50, pattern=r"^LOT-\d{4}-\d{3}$", examples=["LOT-2025-001"])]
    chip_id: Annotated[str, Field(min_length=3, max_length=100, examples=["PCB-A1234"])]
    inspection_type: Literal["visual", "electrical", "thermal", "dimensional"]
    priority: Annotated[int, Field(ge=1, le=10)] = 5
    station_metadata: dict[str, Any] | None = Field(default_factory=dict)

    @model_validator(mode="after")
    def thermal_needs_priority(self) -> "InspectionCreate":
        if self.inspection_type == "thermal" and self.priority < 7:
            raise ValueError("Thermal inspections require priority >= 7")
        return self


class Inspection(BaseModel):
    id: UUID
    lot_id: str
    chip_id: str
    inspection_type: str
    priority: int
    status: str
    station_metadata: dict[str, Any]
    created_at: datetime


def new_inspection(body: InspectionCreate) -> dict[str, Any]:
    """A plain dict: the cheapest thing that the database layers and both serialisers take."""
    return {
        "id": uuid4(),
        "lot_id": body.lot_id,
        "chip_id": body.chip_id,
        "inspection_type": body.inspection_type,
        "priority": body.priority,
        "status": "pending",
        "station_metadata": body.station_metadata or {},
        "created_at": datetime.now(timezone.utc),
    }
