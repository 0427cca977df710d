"""Time as the whole product writes it: UTC microseconds since 1970."""

import time
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US
DAY_US = 24 * HOUR_US


def now_us() -> int:
    """Return the time now."""
    return time.time_ns() // 1_000


def to_datetime(time_us: int) -> datetime:
    """Return the same instant for a timestamp column, exactly."""
    return EPOCH + timedelta(microseconds=time_us)


def to_us(moment: datetime) -> int:
    """Return a timestamp column's instant, exactly."""
    return (moment - EPOCH) // MICROSECOND
