"""Clip, and the log of who allowed, heard or deleted sound."""

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from audiosense_collector.db.base import Table, TimeColumn


class Clip(Table):
    """A FLAC file in the data directory, named by its SHA-256; ``locked`` ones outlive age and size.

    The clip of an event has the event's id.
    """

    __tablename__ = "clip"
    __table_args__ = (
        Index("ix_clip_sensor_id_start", "sensor_id", "start"),
        Index("ix_clip_sha256", "sha256"),
        Index("ix_clip_received", "received"),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    sensor_id: Mapped[UUID] = mapped_column(ForeignKey("sensor.id"))
    event_id: Mapped[UUID | None] = mapped_column(ForeignKey("event.id"), unique=True)
    kind: Mapped[str]
    start: Mapped[TimeColumn]
    opening: Mapped[TimeColumn]
    sample_rate_hz: Mapped[int]
    frames: Mapped[int]
    bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    received: Mapped[TimeColumn]
    locked: Mapped[bool] = mapped_column(default=False, server_default="false")


class ClipAudit(Table):
    """What was done with sound, by whom and when; rows are only ever added, the database refuses all else.

    It names what it is about without references, so that it outlives that. ``actor`` is
    ``unknown`` in rows from before users signed in; ``address`` is where the request came from.
    """

    __tablename__ = "clip_audit"
    __table_args__ = (
        Index("ix_clip_audit_clip_id_at", "clip_id", "at"),
        Index("ix_clip_audit_sensor_id_at", "sensor_id", "at"),
    )
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    at: Mapped[TimeColumn]
    action: Mapped[str]
    actor: Mapped[str]
    address: Mapped[str]
    sensor_id: Mapped[UUID | None]
    site_id: Mapped[UUID | None]
    clip_id: Mapped[UUID | None]
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB)
