"""Gaps as agents told them."""

from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from audiosense_collector.db.base import Table, TimeColumn


class GapRow(Table):
    """Windows that an agent lost for one reason; ``(agent_id, epoch, number)`` is the gap's name for ever.

    ``sensor_id`` is null where the agent does not know whose they were, ``windows`` where it does not know how many.
    ``told`` is when the collector heard of it last.
    """

    __tablename__ = "gap"
    __table_args__ = (
        UniqueConstraint("agent_id", "epoch", "number"),
        Index("ix_gap_sensor_id", "sensor_id", "id"),
    )
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agent.id", ondelete="CASCADE"))
    epoch: Mapped[UUID]
    number: Mapped[int] = mapped_column(BigInteger)
    sensor_id: Mapped[UUID | None] = mapped_column(ForeignKey("sensor.id", ondelete="CASCADE"))
    reason: Mapped[str]
    windows: Mapped[int | None] = mapped_column(BigInteger)
    first: Mapped[TimeColumn | None]
    last: Mapped[TimeColumn | None]
    first_seq: Mapped[int | None] = mapped_column(BigInteger)
    last_seq: Mapped[int | None] = mapped_column(BigInteger)
    told: Mapped[TimeColumn]
