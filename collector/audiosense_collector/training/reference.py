"""What is usual for every feature over a baseline: kept in the manifest, so that agents can tell reasons."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audiosense_collector.training.statistics import robust_statistics
from audiosense_common.bundle import Reference

SPREAD_FLOOR = 1e-3
CENTRAL = (5.0, 95.0)
"""Percentiles of the baseline between which all is usual: a machine may be in its second state for little time."""
CENTRAL_SIGMAS = 3.2897
"""Distance of these percentiles in standard deviations of normal data: 2 · Phi^-1(0.95)."""
_DIGITS = 5


def make_reference(windows: NDArray[np.float16], names: Sequence[str]) -> Reference:
    """Return median and robust standard deviation of each feature of a baseline (windows, features).

    The deviation is the larger of 1.4826 times the median absolute deviation and the distance of the percentiles 5 and
    95 over 3.29, both of which are the standard deviation of normal data: the first alone is next to nothing for a
    machine that has two states and is mostly in one.
    """
    location, spread = robust_statistics(windows.astype(np.float32), SPREAD_FLOOR)
    low, high = np.percentile(windows.astype(np.float64), CENTRAL, axis=0)
    spread = np.maximum(spread, (high - low) / CENTRAL_SIGMAS)
    return Reference(
        features=list(names),
        location=[float(f"{value:.{_DIGITS}g}") for value in location],
        spread=[float(f"{value:.{_DIGITS}g}") for value in spread],
    )
