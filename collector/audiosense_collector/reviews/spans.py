"""Spans of time that reviews leave out of baselines or keep in; arrays only, as training asks for them."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Spans = NDArray[np.int64]
"""Shape (spans, 2): begin and end in UTC microseconds, the end not among it; in order, none touches another."""


@dataclass(frozen=True, slots=True)
class ReviewedSpans:
    """In which spans windows begin that are left out, and those that are kept; what is in both is left out."""

    left_out: Spans
    kept: Spans

    def vouched(self, times_us: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which windows (windows,), by their beginning, somebody has said to be the machine's own."""
        return within(self.kept, times_us) & ~within(self.left_out, times_us)


def merged(spans: Iterable[tuple[int, int]]) -> Spans:
    """Return spans in order of time, those that overlap or touch joined, empty ones left out."""
    joined: list[list[int]] = []
    for begin, end in sorted(each for each in spans if each[0] < each[1]):
        if joined and begin <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([begin, end])
    return np.array(joined, np.int64).reshape(-1, 2)


def within(spans: Spans, times_us: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which times (times,) lie in one of the spans."""
    if not len(spans):
        return np.zeros(len(times_us), np.bool_)
    place = np.searchsorted(spans[:, 0], times_us, side="right") - 1
    return np.asarray((place >= 0) & (times_us < spans[np.maximum(place, 0), 1]))
