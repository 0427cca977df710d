"""A baseline's features in decibels, made comparable: what outliers, modes and drift are measured in."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audiosense_collector.training.statistics import MAD_TO_SIGMA
from audiosense_common.features import FEATURES

LEAST_SPREAD_DB = 0.5
"""Least spread of a feature that counts: what a machine moves by less is no mode and no noise."""
REPEATED_GROUPS = {"third", "modulation"}
"""Features that say again what the bands say, in more numbers, or that wander by several dB in any machine."""
SAMPLE = 1_000
"""Windows that are compared with each other, at most: their number grows the cost as its square."""

Matrix = NDArray[np.float64]


def in_decibels(windows: NDArray[np.floating], names: Sequence[str]) -> Matrix:
    """Return the columns (windows, decibel features) of a matrix whose columns are ``names``.

    Levels, bands and mel bands are all in decibels: a change of 3 dB means the same in each.
    """
    chosen = [
        place
        for place, name in enumerate(names)
        if FEATURES[name].unit in {"dB", "dBFS"} and FEATURES[name].group not in REPEATED_GROUPS
    ]
    return windows[:, chosen].astype(np.float64)


def named(windows: NDArray[np.floating], names: Sequence[str], name: str) -> Matrix:
    """Return one feature (windows,)."""
    return windows[:, list(names).index(name)].astype(np.float64)


def by_spread(values: Matrix) -> Matrix:
    """Return the values in robust standard deviations from their median, feature by feature."""
    return (values - np.median(values, axis=0)) / robust_spread(values)


def by_short_spread(values: Matrix) -> Matrix:
    """Return the values from their median in units of how much they differ from one window to the next.

    Modes and drift last for many windows, so they stand out of what a machine does from window to window.
    """
    steps = np.diff(values, axis=0) / np.sqrt(2.0)
    return (values - np.median(values, axis=0)) / robust_spread(steps)


def robust_spread(values: Matrix) -> Matrix:
    """Return 1.4826 times the median absolute deviation of each feature, at least ``LEAST_SPREAD_DB``."""
    deviation = np.median(np.abs(values - np.median(values, axis=0)), axis=0)
    return np.asarray(np.maximum(MAD_TO_SIGMA * deviation, LEAST_SPREAD_DB))


def components(values: Matrix, count: int) -> Matrix:
    """Return the first principal components (windows, at most ``count``) of centred values."""
    centred = values - values.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    return np.asarray(centred @ vectors[:, ::-1][:, :count])


def evenly(count: int, most: int = SAMPLE) -> NDArray[np.int64]:
    """Return the places of at most ``most`` of ``count`` windows, evenly over time."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))
