"""What a detector measures of a window: how far it lies from a baseline, in three ways, each also as ONNX nodes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf
from sklearn.ensemble import IsolationForest

from audiosense_collector.training.export import forest_attributes, path_length_scale
from audiosense_collector.training.graph import INPUT, GraphBuilder
from audiosense_collector.training.settings import FitSettings

MAD_TO_SIGMA = 1.4826
"""Median absolute deviation to standard deviation for normal data: 1 / Phi^-1(3/4)."""
LEAST_SPREAD = 0.1
"""Least spread of a feature that counts, in dB: below it a feature stands still, and its last bits are no fault."""
RIDGE = 0.01
"""Least variance in any direction, in units of the features' own: a baseline that never moved one way is no proof."""

Windows = NDArray[np.float32]
Columns = NDArray[np.int64]


class Statistic(Protocol):
    """How far windows lie from a baseline, in [0, 1]: larger where stranger."""

    def __call__(self, windows: Windows) -> NDArray[np.float64]:
        """Return the statistic (n,) of windows (n, features)."""

    @classmethod
    def add_all(cls, graph: GraphBuilder, several: Sequence[Self], columns: Sequence[Columns]) -> str:
        """Add the same of several to a graph whose input holds the features of each at ``columns``.

        Returns the name of an (N, several). Together they take fewer nodes, and each node takes its time.
        """


Fit = Callable[[Windows, FitSettings], Statistic]


@dataclass(frozen=True, slots=True)
class Isolation:
    """Score s(x, n) of an isolation forest (Liu, Ting and Zhou 2008), in [0, 1]: what is isolated early is strange."""

    forest: IsolationForest

    @classmethod
    def fit(cls, windows: Windows, settings: FitSettings) -> Self:
        """Grow a forest on a baseline (n, features)."""
        forest = IsolationForest(
            n_estimators=settings.trees,
            max_samples=min(settings.samples, len(windows)),
            random_state=settings.seed,
            n_jobs=1,
        )
        return cls(forest.fit(windows))

    @classmethod
    def fit_half(cls, windows: Windows, settings: FitSettings) -> Self:
        """Grow half as many trees, for a statistic of half the weight: trees are what a score takes its time for."""
        return cls.fit(windows, replace(settings, trees=max(1, settings.trees // 2)))

    def __call__(self, windows: Windows) -> NDArray[np.float64]:
        """Return s (n,)."""
        return np.asarray(-self.forest.score_samples(windows), dtype=np.float64)

    @classmethod
    def add_all(cls, graph: GraphBuilder, several: Sequence[Self], columns: Sequence[Columns]) -> str:
        """Add 2^(-path length / scale)."""
        lengths = [
            graph.add("TreeEnsembleRegressor", INPUT, domain="ai.onnx.ml", **forest_attributes(one.forest, places))
            for one, places in zip(several, columns, strict=True)
        ]
        factors = np.array([-1.0 / path_length_scale(one.forest) for one in several], np.float32)
        exponents = graph.add("Mul", graph.add("Concat", *lengths, axis=1), graph.constant(factors))
        return graph.add("Pow", graph.number(2.0), exponents)


@dataclass(frozen=True, slots=True)
class Deviation:
    """Mean d over the features of |x - median| in robust standard deviations, as d / (1 + d): many small shifts."""

    location: NDArray[np.float32]
    spread: NDArray[np.float32]

    @classmethod
    def fit(cls, windows: Windows, _settings: FitSettings) -> Self:
        """Take median and spread of a baseline (n, features)."""
        location, spread = robust_statistics(windows, LEAST_SPREAD)
        return cls(location.astype(np.float32), spread.astype(np.float32))

    def __call__(self, windows: Windows) -> NDArray[np.float64]:
        """Return d / (1 + d), shape (n,)."""
        deviation = np.abs(windows.astype(np.float64) - self.location) / self.spread
        return bounded(deviation.mean(axis=1))

    @classmethod
    def add_all(cls, graph: GraphBuilder, several: Sequence[Self], columns: Sequence[Columns]) -> str:
        """Add the means of |x - location| / spread, bounded; what pads a row weighs 0.

        Sums of products, not a matrix product: that adds in another order for one row than for many.
        """
        shifted = graph.add("Sub", graph.pick(columns), graph.padded([one.location for one in several]))
        weights = graph.padded([1.0 / (one.spread * len(one.spread)) for one in several])
        terms = graph.add("Mul", graph.add("Abs", shifted), weights)
        return _add_bounded(graph, graph.add_sums(terms, len(several)))


@dataclass(frozen=True, slots=True)
class Mahalanobis:
    """Root d of the mean squared Mahalanobis distance, as d / (1 + d); covariance shrunk as by Ledoit and Wolf (2004).

    It hears what breaks the usual relations between features, and needs more windows than features for that.
    """

    location: NDArray[np.float32]
    whitening: NDArray[np.float32]

    @classmethod
    def fit(cls, windows: Windows, _settings: FitSettings) -> Self:
        """Estimate centre and whitening of a baseline (n, features)."""
        location = windows.mean(axis=0, dtype=np.float64)
        spread = np.maximum(windows.std(axis=0, dtype=np.float64), LEAST_SPREAD)
        shrunk = LedoitWolf(assume_centered=True).fit((windows - location) / spread).covariance_
        precision = np.linalg.inv(shrunk + RIDGE * np.eye(len(shrunk)))
        whitening = np.linalg.cholesky(precision) / spread[:, np.newaxis] / np.sqrt(windows.shape[1])
        return cls(location.astype(np.float32), whitening.astype(np.float32))

    def __call__(self, windows: Windows) -> NDArray[np.float64]:
        """Return d / (1 + d), shape (n,)."""
        white = (windows.astype(np.float64) - self.location) @ self.whitening.astype(np.float64)
        return bounded(np.sqrt((white**2).sum(axis=1)))

    @classmethod
    def add_all(cls, graph: GraphBuilder, several: Sequence[Self], columns: Sequence[Columns]) -> str:
        """Add the norms of the whitened differences, bounded."""
        norms = [_add_norm(graph, one, places) for one, places in zip(several, columns, strict=True)]
        return _add_bounded(graph, norms[0] if len(norms) == 1 else graph.add("Concat", *norms, axis=1))


def robust_statistics(windows: Windows, least: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return median and 1.4826 times the median absolute deviation, at least ``least``, of each feature."""
    location = np.median(windows.astype(np.float64), axis=0)
    deviation = np.median(np.abs(windows - location), axis=0)
    return location, np.maximum(MAD_TO_SIGMA * deviation, least)


def bounded(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return d / (1 + d): close to d where small, and one wild feature cannot outweigh all else.

    Unlike a logarithm it is rounded alike on one row and on many, whatever the processor's vector width.
    """
    return np.asarray(distance / (1.0 + distance))


def _add_bounded(graph: GraphBuilder, distance: str) -> str:
    return graph.add("Div", distance, graph.add("Add", distance, graph.number(1.0)))


def _add_norm(graph: GraphBuilder, statistic: Mahalanobis, columns: Columns) -> str:
    shifted = graph.add("Sub", INPUT, graph.constant(graph.widen(statistic.location, columns)))
    white = graph.add("MatMul", shifted, graph.constant(graph.widen(statistic.whitening, columns)))
    return graph.add("ReduceL2", white, graph.constant(np.array([1], np.int64)), keepdims=1)
