"""Event."""

from uuid import UUID

from sqlalchemy import REAL, BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from audiosense_collector.db.base import JsonList, Table, TimeColumn


class EventRow(Table):
    """A span of anomalous windows in its newest revision.

    ``verdict_id`` is the row of ``event_verdict`` with what people say that it was, null while nothing holds.
    """

    __tablename__ = "event"
    __table_args__ = (
        Index("ix_event_sensor_id_start", "sensor_id", "start"),
        Index("ix_event_start", "start"),
        Index("ix_event_open", "sensor_id", postgresql_where=text("state <> 'close'")),
        Index("ix_event_unreviewed", "start", postgresql_where=text("verdict_id IS NULL")),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    sensor_id: Mapped[UUID] = mapped_column(ForeignKey("sensor.id"))
    revision: Mapped[int]
    state: Mapped[str]
    start: Mapped[TimeColumn]
    end: Mapped[TimeColumn]
    peak: Mapped[TimeColumn]
    peak_score: Mapped[float] = mapped_column(REAL)
    threshold: Mapped[float] = mapped_column(REAL)
    windows: Mapped[int]
    model_digest: Mapped[str]
    reasons: Mapped[JsonList] = mapped_column(server_default="[]")
    verdict_id: Mapped[int | None] = mapped_column(BigInteger)
