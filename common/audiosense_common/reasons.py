"""Reasons: what of a window differs most from its machine's baseline, grouped into what an engineer has a word for."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from audiosense_common.bundle import Manifest, Reference
from audiosense_common.features import SCHEMA_ID, schema
from audiosense_common.reason_bands import BandComparer, Range, Values
from audiosense_common.reason_groups import FAMILIES, GROUPS, Figure, Group
from audiosense_common.wire import MAX_REASON_FIGURE, Reason

LEAST_DEVIATION = 3.0
"""Robust standard deviations below which a figure is no reason."""
MOST_DEVIATION = 100.0
"""More is told as this: beyond it a deviation says how steady the baseline was, not how bad the fault is."""
MOST_TOLD = 4
PREFERRED_SHARE = 0.5
"""A group's first figure is told where it reaches this share of the strongest one's deviation."""
_EXTREME = 1e6
"""Beyond the range of float16: statistics are held within it, so that no difference overflows."""
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class _Told:
    """The figure by which a group is told, in the feature's own unit."""

    group: Group
    figure: Figure
    value: float
    normal: float
    deviation: float


class Explainer:
    """Tells reasons by a baseline's statistics; safe for several threads."""

    def __init__(self, reference: Reference, sample_rate_hz: int, schema_id: str = SCHEMA_ID) -> None:
        """Prepare for vectors of a schema; names that the schema lacks are left aside.

        Raises:
            FeatureError: unknown schema.
        """
        places = {name: place for place, name in enumerate(schema(schema_id))}
        values = zip(reference.features, reference.location, reference.spread, strict=True)
        known = [row for row in values if row[0] in places]
        location = {name: min(max(middle, -_EXTREME), _EXTREME) for name, middle, _ in known}
        spread = {name: min(width, _EXTREME) for name, _, width in known}
        self._comparers = [
            BandComparer(family, location, spread, rate=sample_rate_hz, schema_id=schema_id) for family in FAMILIES
        ]
        self._groups = [
            replace(group, figures=figures)
            for group in GROUPS
            if (figures := tuple(figure for figure in group.figures if figure.feature in location))
        ]
        told = [figure for group in self._groups for figure in group.figures]
        self._places = np.array([places[figure.feature] for figure in told], np.intp)
        self._location = np.array([location[figure.feature] for figure in told])
        self._spread = np.array(
            [max(spread[figure.feature], figure.least_spread(location[figure.feature])) for figure in told]
        )

    @classmethod
    def of(cls, manifest: Manifest, schema_id: str = SCHEMA_ID) -> Self:
        """Take the statistics of a bundle; one without a reference has those of its model's features."""
        baseline = manifest.baseline
        names = [need.name for need in manifest.features]
        own = Reference(features=names, location=baseline.location, spread=baseline.spread)
        return cls(baseline.reference or own, manifest.sample_rate_hz, schema_id)

    def explain(self, vector: ArrayLike) -> list[Reason]:
        """Return the reasons of a feature vector, the most telling first, at most ``MOST_TOLD``.

        What deviates most comes first; figures that sum the spectrum up come after the range that moved them. The
        range that changed most is always told, since it says where to listen. Nothing is told that deviates by less
        than ``LEAST_DEVIATION``: an empty list says that many things differ a little and none by itself.

        Args:
            vector: shape (features,) in the schema's order: a window's, or the median over several windows.
        """
        values = np.asarray(vector, dtype=np.float64)
        ranges = self._ranges(values)
        strongest = max((abs(found.deviation) for found in ranges), default=np.inf)
        ranked: list[tuple[float, Range | _Told]] = [(abs(found.deviation), found) for found in ranges]
        for found in self._figures(values):
            strength = abs(found.deviation)
            ranked.append((min(strength, strongest) if found.group.sums_up else strength, found))
        ranked.sort(key=itemgetter(0), reverse=True)
        told = [found for _, found in ranked[:MOST_TOLD]]
        if ranges and ranges[0] not in told:
            told[-1] = ranges[0]
        return [_tell_range(found) if isinstance(found, Range) else _tell_figure(found) for found in told]

    def _ranges(self, values: Values) -> list[Range]:
        """Return ranges in the order of their families, each family's strongest first."""
        told: list[Range] = []
        for comparer in self._comparers:
            told += [found for found in comparer.compare(values) if not any(map(found.repeats, told))]
        return told

    def _figures(self, values: Values) -> Iterator[_Told]:
        """Tell each group that deviates, by its first figure that deviates about as much as its strongest."""
        now = values[self._places]
        deviations = ((now - self._location) / self._spread).tolist()
        first = 0
        for group in self._groups:
            own = deviations[first : first + len(group.figures)]
            strongest = max(map(abs, own))
            if strongest >= LEAST_DEVIATION:
                enough = max(LEAST_DEVIATION, PREFERRED_SHARE * strongest)
                place = next(place for place, deviation in enumerate(own) if abs(deviation) >= enough)
                value, normal = float(now[first + place]), float(self._location[first + place])
                yield _Told(group, group.figures[place], value, normal, own[place])
            first += len(group.figures)


def _tell_figure(found: _Told) -> Reason:
    return Reason(
        key=found.group.key,
        feature=found.figure.feature,
        value=_bounded(found.figure.plain(found.value)),
        normal=_bounded(found.figure.plain(found.normal)),
        unit=found.figure.unit,
        deviation=_capped(found.deviation),
    )


def _tell_range(found: Range) -> Reason:
    return Reason(
        key=found.key,
        low_hz=round(found.low_hz, 1),
        high_hz=round(found.high_hz, 1),
        value=_bounded(found.value),
        normal=_bounded(found.normal),
        unit=found.unit,
        deviation=_capped(found.deviation),
    )


def _capped(deviation: float) -> float:
    return round(min(max(deviation, -MOST_DEVIATION), MOST_DEVIATION), 1)


def _bounded(figure: float) -> float:
    """Hold a figure within what a message takes, with as many digits as it can be told with."""
    held = min(max(figure, -MAX_REASON_FIGURE), MAX_REASON_FIGURE)
    return 0.0 if held == 0 else round(held, max(0, _DIGITS - 1 - math.floor(math.log10(abs(held)))))
