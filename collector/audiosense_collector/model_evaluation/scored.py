"""The scores of stored windows, as the training process and the server hand them to each other."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Scored:
    """Windows (windows,) in order of time.

    Attributes:
        times_us: their starts.
        counts: neither stopped nor invalid nor of maintenance, learnt by none of the models, with the features that all
            of them need.
        scores: (models, windows) float32; NaN where a window does not count.
        own: how many the agent had scored with the first model.
        equal: of these, how many scores came out the same, bit for bit.
        left_out: how many do not count, by reason.
    """

    times_us: NDArray[np.int64]
    counts: NDArray[np.bool_]
    scores: NDArray[np.float32]
    own: int
    equal: int
    left_out: dict[str, int]
