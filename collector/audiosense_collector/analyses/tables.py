"""Analysis: what a recording gave."""

from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from audiosense_collector.db.base import Identity, Table, TimeColumn


class Analysis(Table):
    """A recording's features and scores; the recording itself is not kept."""

    __tablename__ = "analysis"
    id: Mapped[Identity]
    created: Mapped[TimeColumn]
    filename: Mapped[str]
    sensor_id: Mapped[UUID | None] = mapped_column(ForeignKey("sensor.id"))
    result: Mapped[dict[str, Any]] = mapped_column(JSONB)
