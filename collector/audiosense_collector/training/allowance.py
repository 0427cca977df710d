"""The allowance for drift: what a baseline's own slow changes say of those to come.

Machines drift over hours: with the weather, the load, the oil. A baseline holds few independent values of such a
change, and the days after it will go beyond them. Of ``n`` independent values around their own mean the variance is
(n - 1) / n of the true one, and a new value's around that mean (n + 1) / n: the next ones lie further out by
sqrt((n + 1) / (n - 1)) (the predictive distribution of a normal variable).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from audiosense_collector.training.statistics import Windows, robust_statistics

MEMORY_S = 18_000.0
"""Time after which a slow change counts as forgotten, so that another one is independent of it."""
SLOW_S = 900.0
"""What is slower than this is drift, what is quicker is the machine's usual restlessness."""
LEAST_SPANS = 4
"""A baseline that holds fewer of them says nothing of drift."""
MOST = 1.0
"""Most by which drift is extended: beyond this a short baseline would make its own threshold useless."""
_OUTLYING = 3.0
_LEAST_SPREAD = 1e-3


def drift_extension(count: int, period_s: float) -> float:
    """Return the share by which the drift of a baseline of so many windows is to be extended, 0 if it tells nothing."""
    length_s = count * period_s
    if length_s < LEAST_SPANS * SLOW_S:
        return 0.0
    values = length_s / MEMORY_S
    return MOST if values <= 1.0 else min(MOST, float(np.sqrt((values + 1.0) / (values - 1.0))) - 1.0)


def extend_drift(windows: Windows, period_s: float, extension: float) -> Windows:
    """Return the windows (n, features) of a baseline, each moved on along its features' slow change.

    Outlying values (a visitor, a dropped tool) count as no more than three robust standard deviations. A machine that
    only wavers from window to window has no slow change, and its windows stay where they are.
    """
    location, spread = robust_statistics(windows, _LEAST_SPREAD)
    away: NDArray[np.float64] = np.clip(windows - location, -_OUTLYING * spread, _OUTLYING * spread)
    slow = uniform_filter1d(away, max(1, round(SLOW_S / period_s)), axis=0, mode="reflect")
    return np.asarray(windows + extension * slow, np.float32)
