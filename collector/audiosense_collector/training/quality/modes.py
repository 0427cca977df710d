"""Modes of operation in a baseline: idle, run and load, found without labels."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from sklearn.mixture import GaussianMixture

from audiosense_collector.training.quality.space import Matrix, by_short_spread, components, evenly

MOST_MODES = 4
COMPONENTS = 3
LEAST_SHARE = 0.025
"""Of the windows; fewer are part of the mode that they are nearest to."""
FEWEST_WINDOWS = 4
SEPARATION = 5.0
"""Ashman's D between two modes, at least. 2 parts two humps of one curve; the halves of a drift across its whole range
(a uniform distribution) reach 3.5, and those of one normal distribution 2.7."""
LEAST_STEP_DB = 2.0
"""Root mean square over the features of the difference between two modes, at least ..."""
LEAST_LEVEL_STEP_DB = 3.0
"""... or else the difference of their levels."""
_SEED = 0


@dataclass(frozen=True, slots=True)
class Clusters:
    """Which mode (windows,) each window belongs to, numbered from 0, and how many there are."""

    label: NDArray[np.int64]
    count: int

    def residuals(self, values: Matrix) -> Matrix:
        """Return values (windows, …) less the median of their mode."""
        rest = values.copy()
        for mode in range(self.count):
            rest[self.label == mode] -= np.median(values[self.label == mode], axis=0)
        return rest


def find_modes(values: Matrix, levels: Matrix) -> Clusters:
    """Cluster a baseline's windows, in order of time.

    A Gaussian mixture on the first principal components, its number chosen by the Bayesian information criterion
    (Schwarz 1978), proposes up to ``MOST_MODES`` clusters. Windows that follow each other are alike, which makes the
    criterion see too many; therefore clusters that are not clearly apart (Ashman, Bird and Zepf 1994) are joined.

    Args:
        values: (windows, features) in decibels.
        levels: (windows,) in dBFS.
    """
    reduced = components(by_short_spread(values), COMPONENTS)
    mixture = _fit_mixture(reduced[evenly(len(values))])
    label = np.asarray(mixture.predict(reduced), np.int64)
    least = max(FEWEST_WINDOWS, round(LEAST_SHARE * len(label)))

    def separation(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
        """D, as far as the two can be told apart at all."""
        step_db = float(np.sqrt(np.mean((values[one].mean(axis=0) - values[other].mean(axis=0)) ** 2)))
        level_step_db = abs(float(levels[one].mean() - levels[other].mean()))
        is_heard = step_db >= LEAST_STEP_DB or level_step_db >= LEAST_LEVEL_STEP_DB
        shrink = 1.0 if is_heard and min(one.sum(), other.sum()) >= least else 0.01
        return shrink * min(_ashman(reduced[one], reduced[other]), 10.0 * SEPARATION)

    return _join(label, separation)


def _fit_mixture(reduced: Matrix) -> GaussianMixture:
    regular = 1e-6 + 1e-3 * float(reduced.std(axis=0).mean()) ** 2
    fitted = [
        GaussianMixture(count, n_init=5, init_params="k-means++", reg_covar=regular, random_state=_SEED).fit(reduced)
        for count in range(1, 1 + min(MOST_MODES, len(reduced) // (2 * FEWEST_WINDOWS)))
    ]
    return min(fitted, key=lambda mixture: float(mixture.bic(reduced)))


def _join(label: NDArray[np.int64], separation: Callable[[NDArray[np.bool_], NDArray[np.bool_]], float]) -> Clusters:
    """Join the two clusters that are least apart until all are clearly apart."""
    while True:
        pairs = {
            pair: separation(label == pair[0], label == pair[1]) for pair in combinations(np.unique(label).tolist(), 2)
        }
        closest = min(pairs, key=lambda pair: pairs[pair], default=None)
        if closest is None or pairs[closest] >= SEPARATION:
            kinds, numbered = np.unique(label, return_inverse=True)
            return Clusters(numbered.astype(np.int64), len(kinds))
        label = np.where(label == closest[1], closest[0], label)


def _ashman(one: Matrix, other: Matrix) -> float:
    """Return Ashman's D of two clusters (windows, components) along the line that parts them best.

    D = sqrt(2)·|m1 - m2| / sqrt(s1² + s2²) of the projections onto Fisher's linear discriminant.
    """
    between = one.mean(axis=0) - other.mean(axis=0)
    within = np.cov(one.T, bias=True) + np.cov(other.T, bias=True)
    within = np.atleast_2d(within) + 1e-9 * (1.0 + np.trace(np.atleast_2d(within))) * np.eye(len(between))
    direction = np.linalg.solve(within, between)
    return float(np.sqrt(2.0 * max(direction @ between, 0.0)))
