"""Ranges of frequency that differ from the baseline: neighbouring bands that deviate alike, joined."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from audiosense_common.descriptors import FLOOR_DB
from audiosense_common.features import column
from audiosense_common.reason_groups import Family, Kind

SEED = 4.0
"""Robust units that one band of a range must reach: of 64 bands, chance lifts one beyond 3 in every sixth window."""
EDGE = 3.0
"""Robust units that every band of a range must reach."""
EDGE_SHARE = 0.5
"""Share of the change of a range's strongest band that its other bands must reach: the skirts are no part of it."""
NEXT_SHARE = 1.0 / 3.0
"""Share of the strongest range's change that a further one must reach to be told beside it."""
FEWEST_BANDS = 4
"""With fewer bands known there is no rest of the spectrum to compare with."""
RELATIVE = "_relative"
"""Ends the key of a range that is told against the rest of the spectrum."""
_HEARD_DB = FLOOR_DB + 3.0
"""A band whose level is lower, now and normally, holds nothing: it cannot follow the level of the others."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Range:
    """A range of frequencies that deviates.

    Attributes:
        key: what deviates.
        low_hz: its lower edge, ``high_hz`` its upper one.
        value: its figure now, ``normal`` in the baseline.
        unit: of both.
        deviation: of its strongest band, in robust units, signed.
    """

    key: str
    low_hz: float
    high_hz: float
    value: float
    normal: float
    unit: str
    deviation: float

    def repeats(self, other: "Range") -> bool:
        """Whether both tell of the same change: ranges of one key that meet and deviate to the same side."""
        meet = self.low_hz < other.high_hz and other.low_hz < self.high_hz
        alike = (self.deviation > 0) == (other.deviation > 0)
        return meet and alike and self.key.removesuffix(RELATIVE) == other.key.removesuffix(RELATIVE)


@dataclass(frozen=True, slots=True)
class _Change:
    """How the bands of a window differ: usual values, the change of each band, and that of the spectrum's rest."""

    normal: Values
    each: Values
    rest: float
    rest_is_usual: bool


class BandComparer:
    """Compares one family's bands with a baseline."""

    def __init__(
        self, family: Family, location: Mapping[str, float], spread: Mapping[str, float], *, rate: int, schema_id: str
    ) -> None:
        """Take location and spread by feature name, the names that are known here only."""
        known = np.array([name in location for name in family.features])
        bands = family.bands(rate)
        names = [name for name in family.features if name in location]
        self.family = family
        self._low_hz, self._high_hz, self._weight = (
            edges[known] for edges in (bands.low_hz, bands.high_hz, bands.weight)
        )
        self._numbers = np.flatnonzero(known)
        self._places = np.array([column(schema_id, name) for name in names], np.intp)
        self._location = np.array([location[name] for name in names])
        self._spread = np.maximum([spread[name] for name in names], family.least)
        level = family.level if family.level in location else None
        self._level = None if level is None else column(schema_id, level)
        self._level_location = 0.0 if level is None else location[level]
        self._level_spread = _median(self._spread) if level is None else max(spread[level], family.least)
        self._is_absolute = level is not None or family.level is None

    def compare(self, vector: Values) -> list[Range]:
        """Return the ranges of a feature vector that deviate, the strongest first, at most as many as are told."""
        if len(self._places) < FEWEST_BANDS:
            return []
        change = self._level_change(vector) if self.family.kind is Kind.LEVEL else self._plain_change(vector)
        return [self._range(seed, run, change) for seed, run in islice(self._runs(change.each), self.family.most)]

    def _plain_change(self, vector: Values) -> _Change:
        return _Change(self._location, vector[self._places] - self._location, 0.0, rest_is_usual=True)

    def _level_change(self, vector: Values) -> _Change:
        """Split each band's change into the median of all, which is the rest of the spectrum's, and its own.

        Where the bands that kept their level would be told as fallen because most others rose, it is the others that
        are told, as risen.
        """
        level = 0.0 if self._level is None else float(vector[self._level])
        now, normal = vector[self._places] + level, self._location + self._level_location
        heard = (np.maximum(now, normal) > _HEARD_DB) | (not self._is_absolute)
        total = now - normal
        rest = _median(total[heard])
        usual = EDGE * self._level_spread
        own = np.where(heard, total - rest, 0.0)
        if self._is_absolute and abs(rest) > usual:
            deviating = np.abs(own) >= SEED * self._spread
            if deviating.any() and _median(np.abs(total[deviating])) < EDGE_SHARE * abs(rest):
                own, rest = np.where(heard, total, 0.0), 0.0
        return _Change(normal, own, rest, rest_is_usual=self._is_absolute and abs(rest) <= usual)

    def _runs(self, change: Values) -> Iterator[tuple[int, slice]]:
        """Grow ranges around the bands that deviate most, until the change falls to half or changes its side."""
        size = np.abs(change)
        units = size / self._spread
        units[units < EDGE] = 0.0
        while units[seed := int(units.argmax())] >= SEED:
            alike = (units > 0.0) & ((change > 0.0) == (change[seed] > 0.0))
            yield seed, self._grow(seed, alike & (size >= EDGE_SHARE * size[seed]))
            units[self._grow(seed, alike)] = 0.0
            units[size < NEXT_SHARE * size[seed]] = 0.0

    def _grow(self, seed: int, allowed: NDArray[np.bool_]) -> slice:
        low = high = seed
        while low > 0 and allowed[low - 1] and self._numbers[low] - self._numbers[low - 1] == 1:
            low -= 1
        while high + 1 < len(allowed) and allowed[high + 1] and self._numbers[high + 1] - self._numbers[high] == 1:
            high += 1
        return slice(low, high + 1)

    def _range(self, seed: int, run: slice, change: _Change) -> Range:
        key, unit, normal = self.family.key, self.family.unit, self._join(change.normal[run], run)
        value = self._join(change.normal[run] + change.each[run], run)
        if self.family.kind is Kind.LEVEL:
            if change.rest_is_usual and abs(change.rest) <= EDGE_SHARE * abs(value - normal):
                value += change.rest
            else:
                key, unit = key + RELATIVE, "dB"
        return Range(
            key=key,
            low_hz=float(self._low_hz[run.start]),
            high_hz=float(self._high_hz[run.stop - 1]),
            value=value,
            normal=normal,
            unit=unit,
            deviation=float(change.each[seed] / self._spread[seed]),
        )

    def _join(self, values: Values, run: slice) -> float:
        if self.family.kind is Kind.PLAIN:
            return float(values.mean())
        top = values.max()
        return float(top + 10.0 * np.log10(np.sum(self._weight[run] * 10.0 ** ((values - top) / 10.0))))


def _median(values: Values) -> float:
    """Return the middle value, the lower of two, 0 of none; NumPy's takes ten times as long for a few dozen."""
    return float(np.sort(values)[(len(values) - 1) // 2]) if len(values) else 0.0
