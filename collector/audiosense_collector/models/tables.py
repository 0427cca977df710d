"""Model: every bundle that was ever made for a sensor."""

from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from audiosense_collector.db.base import Table, TimeColumn


class Model(Table):
    """A bundle and its manifest; ``pushed_from`` is the model whose content was signed again as this one.

    ``reference_bins`` is the distribution of its baseline (``drift.stability``); older models have none.
    """

    __tablename__ = "model"
    __table_args__ = (UniqueConstraint("sensor_id", "version"), Index("ix_model_created_digest", "created", "digest"))
    digest: Mapped[str] = mapped_column(primary_key=True)
    sensor_id: Mapped[UUID] = mapped_column(ForeignKey("sensor.id"))
    version: Mapped[int]
    created: Mapped[TimeColumn]
    pushed_from: Mapped[str | None]
    manifest: Mapped[dict[str, Any]] = mapped_column(JSONB)
    bundle: Mapped[bytes] = mapped_column(LargeBinary, deferred=True, deferred_raiseload=True)
    reference_bins: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True, deferred_raiseload=True)
