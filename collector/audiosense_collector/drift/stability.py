"""The population stability index of each feature against a baseline, and what it is by chance alone."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from audiosense_collector.drift.groups import group_of
from audiosense_common.features import FEATURES

BINS = 10
BLOCKS = 5
FEWEST_EDGES = 3
"""A feature with fewer distinct quantiles hardly ever moved; nothing can be said of its distribution."""
LEAST_SPREADS = {"dB": 0.5, "dBFS": 0.5, "kHz": 0.02}
LEAST_SPREAD = 0.05
"""Least spread of a feature that counts, by its unit; of others they are logarithms: a machine that hardly ever moves
in something has not become another because it moved a little."""
MAD_TO_SIGMA = 1.4826
NORMAL_95 = 1.645
LOGISTIC = 1.702
"""1 / (1 + exp(-1.702 x)) is within 0.01 of the normal distribution function."""
HALF_COUNT = 0.5
"""Added to each bin (Jeffreys), so that an empty one weighs finitely, on either side alike."""

Matrix = NDArray[np.float64]


def stability_index(expected: Matrix, found: Matrix) -> Matrix:
    """Return the population stability index (features,) of counts (features, bins).

    PSI = sum over the bins of (p - q)·ln(p / q), p and q the shares of the two samples: symmetric, 0 for equal shares
    (Lewis 1994, An Introduction to Credit Scoring; it is Jeffreys' divergence). Bins that are empty in both by
    construction (equal quantiles) do not count.
    """
    live = (expected > 0) | (found > 0)
    shares = [
        (counts + HALF_COUNT) / (counts + HALF_COUNT).sum(axis=1, where=live, keepdims=True)
        for counts in (expected, found)
    ]
    terms = (shares[0] - shares[1]) * np.log(shares[0] / shares[1])
    return np.asarray(terms.sum(axis=1, where=live))


@dataclass(frozen=True, slots=True)
class Reference:
    """A baseline's distribution, feature by feature.

    Attributes:
        edges: quantiles (features, 9) between the bins.
        counts: of the baseline's windows (features, 10).
        location: median (features,).
        spread: 1.4826 times the median absolute deviation (features,), or the least that counts.
        blur: standard deviation (features,) of what is thought added to each value, so that it spreads by the least.
        inflation: of each feature (features,), how many times more the index varies between contiguous spans of the
            baseline than between samples of independent windows: windows that follow each other are alike.
    """

    edges: Matrix
    counts: Matrix
    location: Matrix
    spread: Matrix
    blur: Matrix
    inflation: Matrix

    @classmethod
    def fit(cls, windows: NDArray[np.floating], least: Matrix | None = None) -> Self:
        """Describe a baseline (windows, features) in order of time.

        ``least`` (features,) is the least spread of each that counts; what is steadier is blurred to it.
        """
        values = windows.astype(np.float64)
        least = np.zeros(values.shape[1]) if least is None else least
        location = np.median(values, axis=0)
        spread = MAD_TO_SIGMA * np.median(np.abs(values - location), axis=0)
        wide = np.maximum(1.0, least / np.maximum(spread, 1e-6))[:, np.newaxis]
        edges = np.quantile(values, np.arange(1, BINS) / BINS, axis=0).T
        edges = location[:, np.newaxis] + wide * (edges - location[:, np.newaxis])
        # Kept as the features are, so that a window of the baseline falls into the same bin after packing.
        edges = edges.astype(np.float16).astype(np.float64)
        blur = np.sqrt(np.maximum(np.square(least) - np.square(spread), 0.0))
        spread = np.maximum(np.maximum(spread, least), 1e-6)
        return cls(edges, count(values, edges, blur), location, spread, blur, _inflation(values, edges, blur))

    @property
    def windows(self) -> int:
        """How many windows the baseline has."""
        return round(float(self.counts[0].sum()))

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Which features (features,) varied enough."""
        return np.asarray((np.diff(self.edges, axis=1) > 0).sum(axis=1) + 1 >= FEWEST_EDGES)

    def compare(self, windows: NDArray[np.floating]) -> Matrix:
        """Return the index (features,) of some windows (windows, features)."""
        return stability_index(self.counts, count(windows.astype(np.float64), self.edges, self.blur))

    def chance(self, windows: int, apart: float) -> Matrix:
        """Return what the index (features,) of windows drawn from the baseline itself stays below in 95 of 100 cases.

        Under no change PSI is (1/n + 1/m) times a chi-square variable with bins - 1 degrees of freedom (Yurdakul and
        Naranjo 2020, Statistical properties of the population stability index). Windows that follow each other are
        alike: that makes its mean larger by the inflation, and leaves as many times fewer degrees of freedom, whose
        95th percentile is that of Wilson and Hilferty (1931).

        Args:
            windows: how many are compared with the baseline.
            apart: how many windows' lengths lie between two of them; the farther, the less alike.
        """
        between = np.maximum(1.0, self.inflation / max(1.0, apart))
        mean = (BINS - 1) * (self.inflation / self.windows + between / windows)
        part = 2.0 / 9.0 / np.maximum(1.0, (BINS - 1) / self.inflation)
        return np.asarray(mean * (1.0 - part + NORMAL_95 * np.sqrt(part)) ** 3)

    def shift(self, windows: NDArray[np.floating]) -> Matrix:
        """Return by how many robust standard deviations the median (features,) has moved."""
        return np.asarray((np.median(windows.astype(np.float64), axis=0) - self.location) / self.spread)

    def pack(self) -> bytes:
        """Return it as an npz."""
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            edges=self.edges.astype("<f2"),
            counts=self.counts.astype("<f4"),
            location=self.location.astype("<f4"),
            spread=self.spread.astype("<f4"),
            blur=self.blur.astype("<f4"),
            inflation=self.inflation.astype("<f4"),
        )
        return buffer.getvalue()

    @classmethod
    def unpack(cls, content: bytes) -> Self:
        """Read what ``pack`` wrote; nothing is ever unpickled."""
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return cls(*(arrays[name].astype(np.float64) for name in cls.__slots__))


def least_spreads(names: Sequence[str]) -> Matrix:
    """Return the least spread that counts of each of some features."""
    return np.array([LEAST_SPREADS.get(FEATURES[name].unit, LEAST_SPREAD) for name in names])


def count(values: Matrix, edges: Matrix, blur: Matrix) -> Matrix:
    """Return how many values (windows, features) fall into each bin (features, bins); an edge belongs above it.

    A blurred value counts in each bin for its part; the logistic curve stands for the normal distribution's.
    """
    found = np.empty((values.shape[1], BINS))
    for place, (column, between, width) in enumerate(zip(values.T, edges, blur, strict=True)):
        if width > 0:
            below = 0.5 + 0.5 * np.tanh(0.5 * LOGISTIC * (between[:, np.newaxis] - column) / width)
            found[place] = np.diff(below.sum(axis=1), prepend=0.0, append=len(column))
        else:
            found[place] = np.bincount(np.searchsorted(between, column, side="right"), minlength=BINS)
    return found


def places_of_groups(names: Sequence[str], usable: NDArray[np.bool_]) -> dict[str, NDArray[np.int64]]:
    """Return the places of the usable features of each group, in the schema's order."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        if usable[place]:
            places.setdefault(group_of(name), []).append(place)
    return {group: np.array(found, np.int64) for group, found in places.items()}


def _inflation(values: Matrix, edges: Matrix, blur: Matrix) -> Matrix:
    """Return how many times more the index varies than for independent windows, at least 1.

    The larger of two estimates: what the index is between contiguous spans and the rest, which saturates in short
    baselines; and that of a first-order autoregression, which sees only neighbours.
    """
    ratios = [np.ones(values.shape[1])]
    total = count(values, edges, blur)
    for span in np.array_split(values, BLOCKS):
        if 0 < len(span) < len(values):
            inside = count(span, edges, blur)
            independent = (BINS - 1) * (1.0 / len(span) + 1.0 / (len(values) - len(span)))
            ratios.append(stability_index(total - inside, inside) / independent)
    spans = np.mean(ratios[1:], axis=0) if len(ratios) > 1 else ratios[0]
    return np.maximum(np.maximum(1.0, spans), _autoregressive(values))


def _autoregressive(values: Matrix) -> Matrix:
    """Return the inflation of a Gaussian autoregression of lag-1 correlation r.

    Its k-th Hermite polynomial has the correlation r^k (Mehler 1866) and therefore (1 + r^k) / (1 - r^k) times the
    variance in the mean; bins - 1 of them, of which the mean is taken, say the same as the shares of the bins.
    """
    centred = values - values.mean(axis=0)
    power = np.maximum((centred**2).sum(axis=0), 1e-12)
    alike = np.clip((centred[1:] * centred[:-1]).sum(axis=0) / power, 0.0, 0.98)
    powers = alike ** np.arange(1, BINS)[:, np.newaxis]
    return np.asarray(((1.0 + powers) / (1.0 - powers)).mean(axis=0))
