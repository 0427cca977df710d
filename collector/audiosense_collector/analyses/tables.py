"""Analysis: what a recording gave."""

from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from audiosense_collector.db.base import Identity, Table, TimeColumn


class Analysis(Table):
    """A recording's features, scores and picture; the recording itself is not kept.

    Attributes:
        result: as it is answered, up to a megabyte; see ``schemas.AnalysisResult``.
        author: who made it; null of releases that did not keep it.
        brief: what lists show, so that they need not read ``result``; null of releases before.
        matrix: float16 features as they were scored, row after row, little-endian; null of releases before.
        picture: levels of the spectrogram, 8 bits each, column after column; null of releases before.
        picture_scale: what they mean; see ``picture.scale``.
    """

    __tablename__ = "analysis"
    __table_args__ = (
        Index("ix_analysis_created_id", "created", "id"),
        Index("ix_analysis_sensor_id_created", "sensor_id", "created"),
    )
    id: Mapped[Identity]
    created: Mapped[TimeColumn]
    filename: Mapped[str]
    sensor_id: Mapped[UUID | None] = mapped_column(ForeignKey("sensor.id"))
    result: Mapped[dict[str, Any]] = mapped_column(JSONB, deferred=True)
    author: Mapped[str | None]
    brief: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), deferred=True)
    matrix: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    picture: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    picture_scale: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), deferred=True)
