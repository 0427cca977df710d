"""ModelEvaluation: a model's figures on a span of stored windows."""

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from audiosense_collector.db.base import Identity, Table, TimeColumn


class ModelEvaluation(Table):
    """An evaluation that was asked for; ``report`` and ``finished`` are null until its job is done.

    ``with_digest`` is the model to compare with; null for the one that runs when the job does.
    """

    __tablename__ = "model_evaluation"
    __table_args__ = (Index("ix_model_evaluation_digest_asked", "digest", "asked", "id"),)
    id: Mapped[Identity]
    digest: Mapped[str] = mapped_column(ForeignKey("model.digest", ondelete="CASCADE"))
    sensor_id: Mapped[UUID] = mapped_column(ForeignKey("sensor.id", ondelete="CASCADE"))
    job_id: Mapped[int] = mapped_column(BigInteger)
    asked: Mapped[TimeColumn]
    span_from: Mapped[TimeColumn]
    span_to: Mapped[TimeColumn]
    with_digest: Mapped[str | None]
    finished: Mapped[TimeColumn | None]
    report: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
