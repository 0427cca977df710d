"""The detectors that a sensor may be given: which statistics of which features, and how they become one score."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from audiosense_collector.training.errors import TrainingError
from audiosense_collector.training.export import export_forest
from audiosense_collector.training.graph import GraphBuilder
from audiosense_collector.training.settings import FitSettings
from audiosense_collector.training.statistics import Deviation, Fit, Isolation, Mahalanobis, Statistic, Windows
from audiosense_common.features import MODULATION_FEATURES, SHAPE_FEATURES, SPREAD_FEATURES

LEAST_SIGMA = 0.005
"""Least spread of a statistic over a baseline: what never varied would otherwise drown the others."""
SIGMAS_PER_UNIT = 8.0
"""Standard deviations by which the logit of a fused score grows by 1: in float32 it tells 100 of them apart."""

Statistics = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Member:
    """A statistic of some features and its weight in the fusion."""

    fit: Fit
    features: tuple[str, ...]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Fusion:
    """Makes one score of several statistics: the logistic function of the weighted mean of their standard scores.

    Each statistic is standardised by its mean and standard deviation over held-out windows of the baseline, so that
    those of different scales count as their weights say. 0.5 is the baseline's centre.
    """

    location: NDArray[np.float64]
    spread: NDArray[np.float64]
    weights: NDArray[np.float64]

    @classmethod
    def fit(cls, held_out: Statistics, weights: NDArray[np.float64]) -> Self:
        """Calibrate on statistics (n, members) of windows that the members were not fitted on."""
        return cls(held_out.mean(axis=0), np.maximum(held_out.std(axis=0), LEAST_SIGMA), weights / weights.sum())

    def score(self, statistics: Statistics) -> NDArray[np.float64]:
        """Return scores (n,) in [0, 1] of statistics (n, members)."""
        mean = (statistics - self.location) / self.spread @ self.weights
        return np.asarray(1.0 / (1.0 + np.exp(-mean / SIGMAS_PER_UNIT)))

    def add_to(self, graph: GraphBuilder, statistics: list[str], order: list[int]) -> str:
        """Add the same to a graph that computes the statistics, side by side in another order of the members."""
        factors = (self.weights / self.spread / SIGMAS_PER_UNIT)[order]
        joined = graph.add("Concat", *statistics, axis=1)
        terms = graph.add("Mul", joined, graph.constant(factors.astype(np.float32)))
        shifted = graph.add("Sub", graph.add_sum(terms), graph.number(float(self.location[order] @ factors)))
        return graph.add("Sigmoid", shifted)


@dataclass(frozen=True, slots=True)
class Detector:
    """What is fitted for a sensor.

    Attributes:
        name: as manifests and settings say it.
        members: what it measures; a single one without ``fused`` is the score itself.
        margin: added to the percentile that becomes the threshold; about one standard deviation of the scores of a
            steady machine.
        fused: whether statistics are calibrated into a score.
    """

    name: str
    members: tuple[Member, ...]
    margin: float
    fused: bool = True

    @property
    def features(self) -> tuple[str, ...]:
        """All features of its members, each once, in order."""
        return tuple(dict.fromkeys(name for member in self.members for name in member.features))

    @property
    def columns(self) -> list[NDArray[np.int64]]:
        """Places of each member's features among ``features``."""
        places = {name: place for place, name in enumerate(self.features)}
        return [np.array([places[name] for name in member.features], np.int64) for member in self.members]

    def within(self, schema: Collection[str]) -> Self:
        """Return what is left of it on vectors of an older schema: the members whose features that has."""
        members = tuple(member for member in self.members if set(member.features) <= set(schema))
        return replace(self, members=members) if members else self

    def fit_statistics(self, windows: Windows, settings: FitSettings) -> list[Statistic]:
        """Fit each member on a baseline (n, features)."""
        return [
            member.fit(windows[:, columns], settings)
            for member, columns in zip(self.members, self.columns, strict=True)
        ]

    def measure(self, statistics: list[Statistic], windows: Windows) -> Statistics:
        """Return what fitted members say of windows (n, features): (n, members)."""
        pairs = zip(statistics, self.columns, strict=True)
        return np.column_stack([statistic(windows[:, columns]) for statistic, columns in pairs])

    def calibrate(self, held_out: Statistics) -> Fusion | None:
        """Return how held-out statistics (n, members) become scores; None where the only one is the score."""
        return Fusion.fit(held_out, np.array([member.weight for member in self.members])) if self.fused else None


@dataclass(frozen=True, slots=True)
class Fitted:
    """A detector fitted on a baseline."""

    detector: Detector
    statistics: list[Statistic]
    fusion: Fusion | None

    def score(self, windows: Windows) -> NDArray[np.float64]:
        """Return scores (n,) in [0, 1] of windows (n, features)."""
        return to_scores(self.fusion, self.detector.measure(self.statistics, windows))

    def export(self) -> bytes:
        """Return the ONNX graph from ``features`` (N, features) to ``score`` (N, 1), both float32."""
        first = self.statistics[0]
        if self.fusion is None:
            assert isinstance(first, Isolation)
            return export_forest(first.forest)
        graph = GraphBuilder(len(self.detector.features))
        kinds: dict[type[Statistic], list[int]] = {}
        for place, statistic in enumerate(self.statistics):
            kinds.setdefault(type(statistic), []).append(place)
        columns = self.detector.columns
        names = [
            kind.add_all(graph, [self.statistics[place] for place in places], [columns[place] for place in places])
            for kind, places in kinds.items()
        ]
        order = [place for places in kinds.values() for place in places]
        return graph.finish(self.fusion.add_to(graph, names, order))


def to_scores(fusion: Fusion | None, statistics: Statistics) -> NDArray[np.float64]:
    """Return scores (n,) of statistics (n, members)."""
    return statistics[:, 0] if fusion is None else fusion.score(statistics)


def forest_of(features: tuple[str, ...]) -> Detector:
    """Return an isolation forest on some features; its score is that of Liu et al. 2008."""
    return Detector("isolation_forest", (Member(Isolation.fit, features),), margin=0.02, fused=False)


DETECTORS: dict[str, Detector] = {
    detector.name: detector
    for detector in (
        Detector(
            "ensemble",
            (
                Member(Isolation.fit, SHAPE_FEATURES),
                Member(Deviation.fit, SHAPE_FEATURES),
                Member(Isolation.fit_half, SPREAD_FEATURES, weight=0.5),
                Member(Deviation.fit, MODULATION_FEATURES, weight=0.5),
            ),
            margin=0.03,
        ),
        forest_of(SHAPE_FEATURES),
        Detector("mahalanobis", (Member(Mahalanobis.fit, SHAPE_FEATURES + SPREAD_FEATURES),), margin=0.03),
    )
}


def find_detector(name: str) -> Detector:
    """Return a detector by its name.

    Raises:
        TrainingError: there is none of this name.
    """
    try:
        return DETECTORS[name]
    except KeyError:
        raise TrainingError(f"there is no detector {name!r}; choose one of {', '.join(DETECTORS)}") from None
