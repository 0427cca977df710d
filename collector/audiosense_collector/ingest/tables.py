"""Measurement and the dictionaries that keep its rows short."""

from uuid import UUID

from sqlalchemy import REAL, BigInteger, Integer, LargeBinary, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from audiosense_collector.db.base import JsonList, Table, TimeColumn
from audiosense_common.wire import Status

STATUSES: tuple[Status, ...] = (
    Status.LEARNING,
    Status.NORMAL,
    Status.ANOMALOUS,
    Status.STOPPED,
    Status.INVALID,
)
"""A row keeps the place in this list, which may only grow at its end."""
STATUS_CODES = {status: code for code, status in enumerate(STATUSES)}


class ModelDigest(Table):
    """Number of a model's digest; a digest that only an agent knows has no threshold."""

    __tablename__ = "model_digest"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    digest: Mapped[str] = mapped_column(unique=True)
    threshold: Mapped[float | None] = mapped_column(REAL)


class FeatureSchema(Table):
    """Number of a feature schema."""

    __tablename__ = "feature_schema"
    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(unique=True)


class Measurement(Table):
    """What one window gave. Partitioned by day of ``time``; nothing refers to it and it refers to nothing.

    ``features`` are the little-endian float16 bytes that were scored. ``clock_suspect`` marks a time outside
    [now - retention, now + 1 day] when it arrived, and one that the agent could only estimate. ``reasons`` are null
    where the window is not anomalous or its agent tells none.
    """

    __tablename__ = "measurement"
    __table_args__ = {"postgresql_partition_by": "RANGE (time)"}  # noqa: RUF012 - SQLAlchemy's interface
    sensor_id: Mapped[UUID] = mapped_column(primary_key=True)
    time: Mapped[TimeColumn] = mapped_column(primary_key=True)
    epoch: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    model: Mapped[int | None] = mapped_column(Integer)
    score: Mapped[float | None] = mapped_column(REAL)
    level_dbfs: Mapped[float] = mapped_column(REAL)
    dominant_hz: Mapped[float] = mapped_column(REAL)
    status: Mapped[int] = mapped_column(SmallInteger)
    schema: Mapped[int] = mapped_column(SmallInteger)
    clock_suspect: Mapped[bool] = mapped_column(default=False)
    features: Mapped[bytes] = mapped_column(LargeBinary)
    reasons: Mapped[JsonList | None]
