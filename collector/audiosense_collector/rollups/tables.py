"""The two tables of roll-ups, which have the same columns but for the width of the histogram."""

from uuid import UUID

from sqlalchemy import REAL, Double, Integer, LargeBinary, SmallInteger
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from audiosense_collector.db.base import Table, TimeColumn

HISTOGRAM_BINS = 50
"""Bins of equal width over scores from 0 to 1; the last one holds 1 as well."""


class _Rollup:
    """One sensor's windows of one span; ``time`` is its start. Sums instead of means, so that late windows add up.

    All windows count here by their time, those with a suspect clock as well. The score's columns are of the ``scored``
    windows: not invalid, and with a score; they are null where there is none. ``model`` is the highest number among
    these. Bin i of the histogram counts scores s with floor(50 s) = i, the last one 1 as well; a minute's bin stays at
    32,767 once it is there.
    Levels and frequencies are those of the ``windows - invalid`` valid windows, or where that is 0 of the invalid ones.
    ``means`` are little-endian float32 means of the features that ``rollups.contents`` lists for this table, in its
    order, ``extremes`` the float16 minima and then maxima of those that it calls main; both are of schema ``schema``,
    the newest among the same windows, and cover the windows of that schema only, ``described`` many.
    """

    sensor_id: Mapped[UUID] = mapped_column(primary_key=True)
    time: Mapped[TimeColumn] = mapped_column(primary_key=True)
    windows: Mapped[int] = mapped_column(Integer)
    learning: Mapped[int] = mapped_column(Integer)
    normal: Mapped[int] = mapped_column(Integer)
    anomalous: Mapped[int] = mapped_column(Integer)
    stopped: Mapped[int] = mapped_column(Integer)
    invalid: Mapped[int] = mapped_column(Integer)
    model: Mapped[int | None] = mapped_column(Integer)
    scored: Mapped[int] = mapped_column(Integer)
    score_min: Mapped[float | None] = mapped_column(REAL)
    score_sum: Mapped[float | None] = mapped_column(Double)
    score_max: Mapped[float | None] = mapped_column(REAL)
    level_dbfs_min: Mapped[float] = mapped_column(REAL)
    level_dbfs_sum: Mapped[float] = mapped_column(Double)
    level_dbfs_max: Mapped[float] = mapped_column(REAL)
    dominant_hz_min: Mapped[float] = mapped_column(REAL)
    dominant_hz_sum: Mapped[float] = mapped_column(Double)
    dominant_hz_max: Mapped[float] = mapped_column(REAL)
    schema: Mapped[int] = mapped_column(SmallInteger)
    described: Mapped[int] = mapped_column(Integer)
    means: Mapped[bytes] = mapped_column(LargeBinary)
    extremes: Mapped[bytes] = mapped_column(LargeBinary)


class MinuteRollup(_Rollup, Table):
    """A minute of a sensor. Partitioned by month of ``time``, dropped by retention."""

    __tablename__ = "rollup_minute"
    __table_args__ = {"postgresql_partition_by": "RANGE (time)"}  # noqa: RUF012 - SQLAlchemy's interface
    histogram: Mapped[list[int] | None] = mapped_column(ARRAY(SmallInteger))


class HourRollup(_Rollup, Table):
    """An hour of a sensor, kept for ever."""

    __tablename__ = "rollup_hour"
    histogram: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))


class RollupRebuild(Table):
    """A sensor whose roll-ups are to be made again from its measurements; ``done_before`` says how far that is."""

    __tablename__ = "rollup_rebuild"
    sensor_id: Mapped[UUID] = mapped_column(primary_key=True)
    asked: Mapped[TimeColumn]
    done_before: Mapped[TimeColumn | None]
