"""Single windows and short bursts that are far from all else in a baseline: speech, a dropped tool."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from audiosense_collector.training.quality.space import Matrix, by_spread, evenly

NEIGHBOUR_SHARE = 0.025
"""What recurs in a larger share of the windows is something that the machine does, and no outlier."""
FEWEST_NEIGHBOURS = 4
FAR = 3.0
"""A window is far if its neighbours are so many times as far away as those of the median window."""
MOST_LEFT_OUT = 0.05
"""If a larger share looks odd, it is a mode or an unsteady machine, and nothing is left out."""
LONGEST_BURST = 24
"""Windows in a row; what lasts longer is no burst (two minutes at 5 s)."""


def find_odd(values: Matrix) -> NDArray[np.bool_]:
    """Return which windows (windows,) of a baseline are sudden noises; ``values`` are decibels (windows, features).

    A window's distance to its k-th nearest neighbour (Ramaswamy, Rastogi and Shim 2000; root mean square over the
    features, in robust standard deviations) is compared with that of the median window. k is 2.5 % of the windows:
    what recurs more often has neighbours of its own kind, however far from the rest it is. A group of more than k
    that are each other's neighbours is spared even where it is scattered: a mode that is less steady than the others.
    """
    scaled = by_spread(values)
    reference = evenly(len(scaled))
    k = max(FEWEST_NEIGHBOURS, round(NEIGHBOUR_SHARE * len(reference)))
    if len(reference) <= k + 1:
        return np.zeros(len(scaled), np.bool_)
    reach, neighbours = _neighbours(scaled, reference, k)
    far = reach > FAR * np.median(reach)
    recurrent = _recurrent(neighbours[reference], far[reference])
    odd = far & (recurrent[neighbours].mean(axis=1) <= 0.5)  # noqa: PLR2004 - the most of its neighbours
    return np.asarray(odd & (_run_lengths(odd) <= LONGEST_BURST))


def _neighbours(scaled: Matrix, reference: NDArray[np.int64], k: int) -> tuple[Matrix, NDArray[np.int64]]:
    """Return the distance (n,) of each window to its k-th neighbour in the reference, and all k places (n, k) there."""
    known = scaled[reference]
    squares = np.square(known).sum(axis=1)
    reach, places = np.empty(len(scaled)), np.empty((len(scaled), k), np.int64)
    for rows in np.array_split(np.arange(len(scaled)), -(-len(scaled) // len(reference))):
        distance = np.square(scaled[rows]).sum(axis=1)[:, np.newaxis] + squares - 2.0 * scaled[rows] @ known.T
        distance[rows[:, np.newaxis] == reference] = np.inf
        places[rows] = np.argpartition(distance, k - 1, axis=1)[:, :k]
        reach[rows] = np.take_along_axis(distance, places[rows], axis=1).max(axis=1)
    return np.sqrt(np.maximum(reach, 0.0) / scaled.shape[1]), places


def _recurrent(neighbours: NDArray[np.int64], far: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which reference windows (n,) are in a group of more than k far ones that are neighbours of each other."""
    count, k = neighbours.shape
    rows, columns = np.repeat(np.arange(count), k), neighbours.ravel()
    both_far = far[rows] & far[columns]
    links = coo_array((np.ones(int(both_far.sum())), (rows[both_far], columns[both_far])), (count, count)).tocsr()
    _, group = connected_components(links.multiply(links.T), directed=False)
    return np.asarray(far & (np.bincount(group)[group] > k))


def _run_lengths(marked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return for each window how many equally marked ones stand in a row there."""
    starts = np.flatnonzero(np.concatenate(([True], marked[1:] != marked[:-1])))
    lengths = np.diff(np.append(starts, len(marked)))
    return np.repeat(lengths, lengths)
