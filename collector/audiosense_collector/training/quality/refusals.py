"""Why a baseline is refused: silent, clipped, or still drifting."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audiosense_collector.training.quality.space import (
    LEAST_SPREAD_DB,
    Matrix,
    by_short_spread,
    components,
    named,
)
from audiosense_collector.training.statistics import MAD_TO_SIGMA

SILENT_DBFS = -100.0
"""A sensor that hears anything at all is above this: its own noise alone is."""
SILENT_SHARE = 0.5
FULL_SCALE_DB = 0.05
"""A peak within so many decibels of full scale has reached it; beyond it only samples in floating point go."""
CLIPPED_CREST_DB = 15.0
"""A single knock that reaches full scale has a higher crest factor than a sound that is cut off all the time."""
CLIPPED_SHARE = 0.1
FEWEST_FOR_DRIFT = 60
"""Windows; in fewer a slow wander cannot be told from a drift."""
LEAST_DRIFT = 3.0
"""A drift is larger than the spread within the baseline by this factor ..."""
LEAST_DRIFT_DB = 3.0
"""... and at least so large: a healthy machine's level wanders by a decibel or two ..."""
BLOCKS = 6
LEAST_ORDER = 13 / 15
"""... and goes one way: Kendall's rank correlation of the medians of six spans with time; one pair may be swapped."""


def find_defect(windows: NDArray[np.floating], names: Sequence[str]) -> str | None:
    """Return why nothing can be learnt from a baseline (windows, features named ``names``); None if something can."""
    silent = float(np.mean(named(windows, names, "rms_dbfs") <= SILENT_DBFS))
    if silent > SILENT_SHARE:
        return (
            f"the baseline is silent: {silent:.0%} of its {len(windows)} windows are at or below {SILENT_DBFS:.0f} "
            f"dBFS, at most {SILENT_SHARE:.0%} may be; check that the sensor is connected and its machine runs "
            "(learning goes on with what is heard then)"
        )
    at_full_scale = np.abs(named(windows, names, "peak_dbfs")) <= FULL_SCALE_DB
    clipped = float(np.mean(at_full_scale & (named(windows, names, "crest_db") < CLIPPED_CREST_DB)))
    if clipped > CLIPPED_SHARE:
        return (
            f"the baseline is clipped: {clipped:.0%} of its {len(windows)} windows reach full scale, at most "
            f"{CLIPPED_SHARE:.0%} may; lower the gain (learning goes on with what is heard then)"
        )
    return None


def find_drift(levels: Matrix, shape: Matrix) -> str | None:
    """Return how a baseline drifts that has not settled; None for one that has.

    What is looked at are the level and the first principal component of the shape of the spectrum, each less the
    median of its mode, so that a change of mode is no drift. The change is that of the medians from the first to the
    last of six spans of time; it is a drift if it is large in units of the spread within the spans and goes one way.

    Args:
        levels: (windows,) in dBFS.
        shape: (windows, bands) in decibels.
    """
    if len(levels) < FEWEST_FOR_DRIFT:
        return None
    change, factor = _trend(levels)
    if factor and abs(change) >= LEAST_DRIFT_DB:
        return _words(f"its level {'rose' if change > 0 else 'fell'} by {abs(change):.1f} dB", factor)
    _, factor = _trend(components(by_short_spread(shape), 1)[:, 0])
    spans = np.array_split(shape, BLOCKS)
    moved = float(np.sqrt(np.mean((np.median(spans[-1], axis=0) - np.median(spans[0], axis=0)) ** 2)))
    if factor and moved >= LEAST_DRIFT_DB:
        return _words(f"the bands of its spectrum moved by {moved:.1f} dB", factor)
    return None


def _words(what: str, factor: float) -> str:
    return (
        f"the baseline still drifts: {what} from its beginning to its end, {factor:.1f} times the spread within, "
        f"less than {LEAST_DRIFT:.0f} times is expected; let the machine warm up (learning goes on with what is "
        "heard then), or accept the drift and train by hand"
    )


def _trend(values: Matrix) -> tuple[float, float]:
    """Return the change from the first span to the last, and its size in units of the spread; 0 if it is no trend."""
    spans = np.array_split(values, BLOCKS)
    middles = np.array([np.median(span) for span in spans])
    rest = np.concatenate([span - middle for span, middle in zip(spans, middles, strict=True)])
    change = float(middles[-1] - middles[0])
    spread = max(MAD_TO_SIGMA * float(np.median(np.abs(rest))), LEAST_SPREAD_DB)
    steps = np.sign(middles[:, np.newaxis] - middles)[np.tril_indices(BLOCKS, -1)]
    one_way = abs(float(steps.mean())) >= LEAST_ORDER
    return change, abs(change) / spread if one_way and abs(change) >= LEAST_DRIFT * spread else 0.0
