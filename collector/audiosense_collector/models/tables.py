"""Model: every bundle that was ever made for a sensor; and when agents ran which."""

from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from audiosense_collector.db.base import MicrosecondTime, Table, TimeColumn


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


class ModelRun(Table):
    """A span of time over which a sensor's agent ran a model; ``ended`` is null while it does.

    ``began`` is the first window that it scored with it, or when it told so. The model need not be one of this
    collector, nor the agent still exist.
    """

    __tablename__ = "model_run"
    __table_args__ = (
        Index("ix_model_run_open", "sensor_id", unique=True, postgresql_where=text("ended IS NULL")),
        Index("ix_model_run_digest", "digest"),
    )
    sensor_id: Mapped[UUID] = mapped_column(ForeignKey("sensor.id", ondelete="CASCADE"), primary_key=True)
    began: Mapped[int] = mapped_column(MicrosecondTime(), primary_key=True)
    ended: Mapped[int | None] = mapped_column(MicrosecondTime())
    digest: Mapped[str]
    agent_id: Mapped[UUID]
