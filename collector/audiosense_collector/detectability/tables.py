"""Probes of each sensor, and the report of each model."""

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, LargeBinary
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from audiosense_collector.db.base import Table, TimeColumn


class ProbeRow(Table):
    """A sensor's newest probes; the columns are packed, little-endian: nobody asks for a single one."""

    __tablename__ = "probe_set"
    sensor_id: Mapped[UUID] = mapped_column(ForeignKey("sensor.id"), primary_key=True)
    created: Mapped[TimeColumn]
    schema_id: Mapped[str]
    seed: Mapped[int] = mapped_column(BigInteger)
    kinds: Mapped[list[str]] = mapped_column(ARRAY(TEXT))
    kind: Mapped[bytes] = mapped_column(LargeBinary)
    level_db: Mapped[bytes] = mapped_column(LargeBinary)
    window_us: Mapped[bytes] = mapped_column(LargeBinary)
    features: Mapped[bytes] = mapped_column(LargeBinary)


class DetectabilityRow(Table):
    """What a model hears of the probes that were made at ``probes_created``."""

    __tablename__ = "detectability"
    digest: Mapped[str] = mapped_column(ForeignKey("model.digest"), primary_key=True)
    created: Mapped[TimeColumn]
    probes_created: Mapped[TimeColumn]
    report: Mapped[dict[str, Any]] = mapped_column(JSONB)
