"""How many events an agent would have opened over a course of scores, and how sure that makes their rate."""

import numpy as np
from numpy.typing import NDArray

from audiosense_common.bundle import Debouncing

Times = NDArray[np.int64]
Scores = NDArray[np.float64]


def count_events(times_us: Times, window_us: int, scores: Scores, threshold: float, rule: Debouncing) -> int:
    """Count the events over windows (windows,) in order of time, as the agent's debouncing opens and closes them.

    Args:
        times_us: each window's start.
        window_us: how long a window is.
        scores: NaN where a window does not count: the machine stood still, or the sensor failed.
        threshold: a window at or above it is anomalous.
        rule: k of n, hysteresis and minimum gap.
    """
    anomalous = scores >= threshold
    lingering = scores >= threshold - rule.hysteresis
    opens = np.flatnonzero(_of_last(anomalous, rule.n) >= rule.k)
    ends = np.flatnonzero(_of_last(lingering, rule.n) < rule.k)
    strange, lasting = np.flatnonzero(anomalous), np.flatnonzero(lingering)
    events, told, closed_us = 0, -1, None
    while True:
        place = np.searchsorted(opens, told + 1)
        if place == len(opens):
            return events
        begin = int(opens[place])
        first = int(strange[np.searchsorted(strange, max(begin - rule.n, told) + 1)])
        if closed_us is None or times_us[first] - closed_us >= rule.min_gap_s * 1_000_000:
            events += 1
        place = np.searchsorted(ends, begin + 1)
        if place == len(ends):
            return events
        told = int(ends[place])
        last = int(lasting[np.searchsorted(lasting, told, "right") - 1])
        closed_us = int(times_us[last]) + window_us


def poisson_interval(count: int) -> tuple[float, float]:
    """95 % interval of the mean of a Poisson count, exact. Source: Garwood 1936."""
    from scipy.stats import chi2  # noqa: PLC0415 - slow to load, and of no use to the server

    low = float(chi2.ppf(0.025, 2 * count)) / 2 if count else 0.0
    return low, float(chi2.ppf(0.975, 2 * (count + 1))) / 2


def _of_last(marks: NDArray[np.bool_], n: int) -> NDArray[np.int64]:
    """Return of each window how many of it and the n - 1 before are marked."""
    total = np.cumsum(marks, dtype=np.int64)
    return total - np.concatenate((np.zeros(min(n, len(total)), np.int64), total[:-n]))
