"""How small a fault a model would hear: the share of probes at or above its threshold, by kind and level."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from audiosense_collector.detectability.schemas import Detectability, KindHeard, LevelHeard
from audiosense_collector.training.probing import ProbeSet

HEARD_SHARE = 0.5
"""A fault counts as heard from the level on at which so many of its probes are at or above the threshold."""


def detectability(
    probes: ProbeSet, scores: NDArray[np.float64], held_out: NDArray[np.float64], threshold: float
) -> Detectability:
    """Report what is heard of ``probes``.

    Args:
        probes: the synthetic faults.
        scores: of the probes (probes,), each by a detector that was not fitted on the probe's window: what was learnt
            scores lower, and a fault in it would seem to be quieter than it is.
        held_out: scores (windows,) of the baseline's own windows, likewise.
        threshold: of the model.
    """
    return Detectability(
        windows=probes.windows,
        threshold=threshold,
        false_alarm_rate=float(np.mean(held_out >= threshold)),
        kinds=list(_kinds(probes, scores >= threshold)),
    )


def heard_from(levels_db: NDArray[np.float64], shares: NDArray[np.float64], counts: NDArray[np.int64]) -> float | None:
    """Return the lowest level from which on at least ``HEARD_SHARE`` is heard; None if it never is.

    Shares are first made to grow with the level (isotonic regression, Barlow et al. 1972: a psychometric function
    does), then interpolated linearly.

    Args:
        levels_db: in ascending order (levels,).
        shares: heard at each level (levels,).
        counts: of probes at each level (levels,).
    """
    growing = IsotonicRegression().fit_transform(levels_db, shares, sample_weight=counts)
    heard = np.flatnonzero(growing >= HEARD_SHARE)
    if not len(heard):
        return None
    first = int(heard[0])
    if first == 0:
        return float(levels_db[0])
    below, above = growing[first - 1], growing[first]
    step = levels_db[first] - levels_db[first - 1]
    return float(levels_db[first - 1] + step * (HEARD_SHARE - below) / (above - below))


def _kinds(probes: ProbeSet, heard: NDArray[np.bool_]) -> Iterator[KindHeard]:
    for place, name in enumerate(probes.kinds):
        its = probes.kind == place
        levels, inverse = np.unique(probes.level_db[its], return_inverse=True)
        if not len(levels):
            continue
        counts = np.bincount(inverse)
        shares = np.bincount(inverse, weights=heard[its]) / counts
        threshold_db = heard_from(levels, shares, counts)
        yield KindHeard(
            kind=name,
            heard_from_db=None if threshold_db is None else round(threshold_db, 1),
            levels=[
                LevelHeard(level_db=float(level), probes=int(count), share=round(float(share), 4))
                for level, count, share in zip(levels, counts, shares, strict=True)
            ],
        )
