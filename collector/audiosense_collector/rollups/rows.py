"""Roll-ups as columns of arrays, the form in which they are made, merged and written."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from audiosense_collector.rollups.contents import main_features
from audiosense_collector.rollups.tables import HISTOGRAM_BINS
from audiosense_common.features import SCHEMAS

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
NONE = -1
"""Stands for null in columns of numbers that are never negative."""
STATUS_COUNTS = ("learning", "normal", "anomalous", "stopped", "invalid")
"""The columns that count windows by their status, in the order of the statuses' codes."""
INVALID = STATUS_COUNTS.index("invalid")
SCHEMA_IDS = tuple(SCHEMAS)
"""Feature schemas by rank, the newest last: where windows of several meet, those of the highest rank are described."""
MOST_MAIN = max(len(main_features(schema_id)) for schema_id in SCHEMA_IDS)

Ints = NDArray[np.int64]
Reals = NDArray[np.float32]
Sums = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spread:
    """Least, sum and greatest of a figure, each of shape (rows,)."""

    least: Reals
    total: Sums
    most: Reals

    def pick(self, rows: NDArray[np.intp]) -> Self:
        """Return some rows, in the order of ``rows``."""
        return type(self)(self.least[rows], self.total[rows], self.most[rows])

    def put(self, rows: NDArray[np.intp], others: Self) -> Self:
        """Return the rows with others in the place of some."""
        parts = ((getattr(self, name), getattr(others, name)) for name in self.__slots__)
        return type(self)(*(_put(values, rows, new) for values, new in parts))

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Return the rows of all parts, one part after the other."""
        return cls(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(cls)))


@dataclass(frozen=True, slots=True)
class Rollups:
    """Roll-ups of one kind, minutes or hours, a row for each sensor and span; ``rollups.tables`` says what they mean.

    ``sensor`` is a place in a list that the caller has. ``time_us`` is the span's start (UTC microseconds),
    ``statuses`` (rows, 5) counts windows by status code, ``model`` is ``NONE`` and ``score`` is NaN, its total 0, where
    there is none, ``rank`` a place in ``SCHEMA_IDS``, ``means`` (rows, width) and ``extremes`` (rows, 2, ``MOST_MAIN``)
    are filled with zeros beyond the schema's own features, ``histogram`` is (rows, ``HISTOGRAM_BINS``).
    """

    sensor: Ints
    time_us: Ints
    statuses: Ints
    model: Ints
    scored: Ints
    score: Spread
    level_dbfs: Spread
    dominant_hz: Spread
    rank: Ints
    described: Ints
    means: Reals
    extremes: NDArray[np.float16]
    histogram: Ints

    def __len__(self) -> int:
        return len(self.sensor)

    @property
    def windows(self) -> Ints:
        """How many windows there were, shape (rows,)."""
        return np.asarray(self.statuses.sum(axis=1))

    @property
    def has_valid(self) -> NDArray[np.bool_]:
        """Whether any window was not invalid, shape (rows,)."""
        return np.asarray(self.windows > self.statuses[:, INVALID])

    def pick(self, rows: NDArray[np.intp]) -> "Rollups":
        """Return some rows, in the order of ``rows``."""
        picked: dict[str, Any] = {}
        for each in fields(self):
            values = getattr(self, each.name)
            picked[each.name] = values.pick(rows) if isinstance(values, Spread) else values[rows]
        return Rollups(**picked)

    def put(self, places: NDArray[np.intp], others: "Rollups") -> "Rollups":
        """Return the rows with others, equally wide, in the place of some."""
        made: dict[str, Any] = {}
        for each in fields(self):
            values, new = getattr(self, each.name), getattr(others, each.name)
            made[each.name] = values.put(places, new) if isinstance(values, Spread) else _put(values, places, new)
        return Rollups(**made)


def _put(values: NDArray[Any], places: NDArray[np.intp], new: NDArray[Any]) -> NDArray[Any]:
    made = values.copy()
    made[places] = new
    return made


def join(parts: Sequence[Rollups]) -> Rollups:
    """Return the rows of all parts, one part after the other; of unequal widths, the others are filled with zeros."""
    if len(parts) == 1:
        return parts[0]
    width = max(part.means.shape[1] for part in parts)
    joined: dict[str, Any] = {}
    for each in fields(Rollups):
        columns = [getattr(part, each.name) for part in parts]
        if each.name == "means":
            columns = [_widened(means, width) for means in columns]
        joined[each.name] = Spread.join(columns) if isinstance(columns[0], Spread) else np.concatenate(columns)
    return Rollups(**joined)


def _widened(means: Reals, width: int) -> Reals:
    more = width - means.shape[1]
    return np.pad(means, ((0, 0), (0, more))) if more else means


def empty(width: int) -> Rollups:
    """Return no rows."""
    ints, spread = np.zeros(0, np.int64), Spread(np.zeros(0, np.float32), np.zeros(0), np.zeros(0, np.float32))
    return Rollups(
        sensor=ints,
        time_us=ints,
        statuses=np.zeros((0, len(STATUS_COUNTS)), np.int64),
        model=ints,
        scored=ints,
        score=spread,
        level_dbfs=spread,
        dominant_hz=spread,
        rank=ints,
        described=ints,
        means=np.zeros((0, width), np.float32),
        extremes=np.zeros((0, 2, MOST_MAIN), np.float16),
        histogram=np.zeros((0, HISTOGRAM_BINS), np.int64),
    )


def group(sensor: Ints, time_us: Ints, span_us: int) -> tuple[NDArray[np.intp] | None, NDArray[np.intp]]:
    """Order rows by sensor and span.

    Returns:
        The order, None where the rows are in it already, and the places where each group starts in it.
    """
    # A span's number needs 32 bits at most: there are as many minutes until the year 10000.
    key = (sensor << 32) | (time_us // span_us)
    order = None
    if len(key) and (key[1:] < key[:-1]).any():
        order = np.argsort(key, kind="stable")
        key = key[order]
    return order, starts_of(key)


def starts_of(key: NDArray[Any]) -> NDArray[np.intp]:
    """Return the places where the next run of equal values starts; NumPy's own ``diff`` takes several times as long."""
    first = np.ones(len(key), np.bool_)
    np.not_equal(key[1:], key[:-1], out=first[1:])
    return np.asarray(first.nonzero()[0])


def lengths_of(starts: NDArray[np.intp], rows: int) -> NDArray[np.intp]:
    """Return how long the runs are that start at these places, the first of which is 0."""
    lengths = np.empty(len(starts), np.intp)
    np.subtract(starts[1:], starts[:-1], out=lengths[:-1])
    lengths[-1:] = rows - starts[-1:]
    return lengths
