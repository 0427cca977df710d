"""Which source serves a span: raw rows, minutes or hours, and how wide a point is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from audiosense_collector.clock import HOUR_US, SECOND_US, to_us
from audiosense_collector.db.migrate import Retention
from audiosense_collector.rollups.contents import minute_features
from audiosense_common.features import SCHEMAS

MINUTE_US = 60 * SECOND_US
RAW_ROWS = 6_000
"""Raw rows that are read for one answer: a quarter of a day at 5 s."""
RAW_ROWS_OF_FEATURES = 20_000
"""The same where a feature is asked for that minutes do not hold."""
MINUTE_ROWS = 10_100
"""Minutes that are read for one answer: a week."""


class Resolution(StrEnum):
    """What an answer is made of."""

    RAW = "raw"
    MINUTE = "minute"
    HOUR = "hour"


WIDTH_US = {Resolution.MINUTE: MINUTE_US, Resolution.HOUR: HOUR_US}


@dataclass(frozen=True, slots=True)
class Grid:
    """Points of equal width; ``origin_us`` is where the first one begins."""

    origin_us: int
    width_us: int


def choose(
    from_us: int,
    to_us: int,
    *,
    window_s: float,
    features: Sequence[str],
    retention: Retention,
    today: date | None = None,
) -> Resolution:
    """Choose the finest source that still holds the whole span and is read at once."""
    day = datetime.now(UTC).date() if today is None else today
    span_us, in_minutes = to_us - from_us, set(features) <= _kept_by_minute()
    most = RAW_ROWS if in_minutes else RAW_ROWS_OF_FEATURES
    if from_us >= raw_since_us(day, retention) and span_us <= most * window_s * SECOND_US:
        return Resolution.RAW
    if in_minutes and from_us >= minutes_since_us(day, retention) and span_us <= MINUTE_ROWS * MINUTE_US:
        return Resolution.MINUTE
    return Resolution.HOUR


def raw_since_us(today: date, retention: Retention) -> int:
    """Return from when on retention keeps raw rows; it drops whole days."""
    return _midnight_us(today - timedelta(days=retention.days))


def minutes_since_us(today: date, retention: Retention) -> int:
    """Return from when on retention keeps minutes; it drops whole months."""
    return _midnight_us((today - timedelta(days=min(retention.minute_days, 36_500))).replace(day=1))


def grid(resolution: Resolution, from_us: int, to_us: int, points: int) -> Grid:
    """Return at most ``points`` points that cover a span, each a whole number of minutes or hours.

    They lie on multiples of their width, so that a span that moves on gives the same points again.
    """
    unit = WIDTH_US[resolution]
    first = from_us - from_us % unit
    if points == 1:
        return Grid(first, -(-(to_us - first) // unit) * unit)
    width = max(unit, -(-(to_us - first) // (unit * (points - 1))) * unit)
    if to_us - first <= unit * points:
        width = unit
    return Grid(from_us - from_us % width, width)


def _kept_by_minute() -> set[str]:
    return {name for schema_id in SCHEMAS for name in minute_features(schema_id)}


def _midnight_us(day: date) -> int:
    return max(0, to_us(datetime(day.year, day.month, day.day, tzinfo=UTC)))
