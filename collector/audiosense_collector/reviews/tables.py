"""What people have said of events."""

from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from audiosense_collector.db.base import Table, TimeColumn


class EventVerdict(Table):
    """A verdict on an event, or its being undone; rows are only ever added, the database refuses all else.

    What holds of an event is its newest row. One that undoes another names it in ``undoes`` and repeats what held
    before that, so ``verdict``, ``cause`` and ``kept`` are null where the event is as if never judged. ``kept`` says
    whether the event's windows are learnt from. ``event.verdict_id`` names the row in which what holds was said.
    """

    __tablename__ = "event_verdict"
    __table_args__ = (Index("ix_event_verdict_event_id_id", "event_id", "id"),)
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    event_id: Mapped[UUID] = mapped_column(ForeignKey("event.id"))
    at: Mapped[TimeColumn]
    actor: Mapped[str]
    verdict: Mapped[str | None]
    cause: Mapped[str | None]
    comment: Mapped[str]
    kept: Mapped[bool | None]
    undoes: Mapped[int | None] = mapped_column(BigInteger)
    restores: Mapped[int | None] = mapped_column(BigInteger)
