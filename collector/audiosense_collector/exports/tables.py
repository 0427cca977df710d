"""Export: what was asked for, and the file that it became."""

from uuid import UUID

from sqlalchemy import BigInteger, Index, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from audiosense_collector.db.base import Identity, Table, TimeColumn


class ExportRow(Table):
    """An export; ``file``, ``rows``, ``bytes``, ``finished`` and ``expires`` are null until it is written.

    ``file`` is a name in the storage of exports; each attempt has its own, so that what a killed worker left is
    never taken for whole.
    """

    __tablename__ = "export"
    __table_args__ = (Index("ix_export_asked_id", "asked", "id"),)
    id: Mapped[Identity]
    job_id: Mapped[int] = mapped_column(BigInteger)
    asked: Mapped[TimeColumn]
    actor: Mapped[str]
    sensors: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    span_from: Mapped[TimeColumn]
    span_to: Mapped[TimeColumn]
    resolution: Mapped[str]
    format: Mapped[str]
    features: Mapped[list[str]] = mapped_column(ARRAY(Text))
    file: Mapped[str | None]
    rows: Mapped[int | None] = mapped_column(BigInteger)
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    finished: Mapped[TimeColumn | None]
    expires: Mapped[TimeColumn | None]
