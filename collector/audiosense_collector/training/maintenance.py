"""Windows of a machine that is worked on: they are none of its normal sound."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, and_, literal, not_

from audiosense_collector.clock import SECOND_US
from audiosense_collector.db.base import MicrosecondTime
from audiosense_collector.ingest.tables import Measurement


def touching(
    spans: Iterable[tuple[int, int | None]], times_us: NDArray[np.int64], window_s: float
) -> NDArray[np.bool_]:
    """Return which windows (windows,) lie in a span with any part of them; arguments as of ``outside``."""
    window_us = round(window_s * SECOND_US)
    found = np.zeros(len(times_us), np.bool_)
    for start, end in spans:
        found |= (times_us > start - window_us) & (end is None or times_us < end)
    return found


def outside(spans: Iterable[tuple[int, int | None]], window_s: float) -> list[ColumnElement[bool]]:
    """Return conditions of the measurements no part of which lies in a span.

    Args:
        spans: start and end, UTC microseconds; without an end a span lasts.
        window_s: length of a measurement's window.
    """
    window_us = round(window_s * SECOND_US)
    conditions = []
    for start, end in spans:
        after = Measurement.time > literal(start - window_us, MicrosecondTime())
        within = after if end is None else and_(after, Measurement.time < literal(end, MicrosecondTime()))
        conditions.append(not_(within))
    return conditions
