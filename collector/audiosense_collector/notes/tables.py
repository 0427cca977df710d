"""Note."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from audiosense_collector.db.base import Identity, MicrosecondTime, Table, TimeColumn


class Note(Table):
    """A remark on a machine, or on one of its sensors, at a time or over a span; ``sensor_id`` null means all of them.

    ``end`` is null for a moment and, of maintenance, while it lasts. A deleted one stays, so that it can come back.
    """

    __tablename__ = "note"
    __table_args__ = (
        CheckConstraint("kind IN ('note', 'maintenance')", name="kind"),
        CheckConstraint('"end" > start', name="span"),
        Index("ix_note_machine_id_start", "machine_id", "start"),
        Index(
            "ix_note_maintenance",
            "machine_id",
            "end",
            postgresql_where=text("kind = 'maintenance' AND deleted IS NULL"),
        ),
    )
    id: Mapped[Identity]
    machine_id: Mapped[UUID] = mapped_column(ForeignKey("machine.id"))
    sensor_id: Mapped[UUID | None] = mapped_column(ForeignKey("sensor.id"))
    kind: Mapped[str]
    start: Mapped[TimeColumn]
    end: Mapped[int | None] = mapped_column(MicrosecondTime())
    text: Mapped[str]
    author: Mapped[str]
    created: Mapped[TimeColumn]
    edited: Mapped[int | None] = mapped_column(MicrosecondTime())
    deleted: Mapped[int | None] = mapped_column(MicrosecondTime())
