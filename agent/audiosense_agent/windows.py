"""Windows with their times: the sample clock says when each window's first sample was heard."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiosense_common.windows import Windower

MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Window:
    """A fixed span of one sensor's samples.

    Attributes:
        start_us: UTC microseconds of the first sample; fixed once, never restamped.
        samples: (n,) float32, full scale is 1.
        gaps: gaps in the sound since the window before.
        overflows: how many of them came from sound that could not be taken in time.
        stepped: the clock was set since the window before; its sound is the next nevertheless.
    """

    start_us: int
    samples: NDArray[np.float32]
    gaps: int = 0
    overflows: int = 0
    stepped: bool = False


class TimedWindower:
    """Cuts a stream of blocks into windows end to end and tells their times by counting samples from an anchor.

    Counting keeps the distances between windows exact, where the wall clock would jitter or step. A window never
    spans a gap. A gap of unknown length, or a drift of more than ``tolerance_us`` from the wall clock, sets a new
    anchor; every gap is counted.
    """

    def __init__(self, length: int, sample_rate_hz: int, start_us: int, tolerance_us: int = 500_000) -> None:
        self._windower = Windower(length)
        self._rate = sample_rate_hz
        self.tolerance_us = tolerance_us
        self._anchor_us = start_us
        self._heard = 0
        self._gaps = 0

    @property
    def now_us(self) -> int:
        """UTC microseconds of the next sample."""
        return self._time_us(self._heard)

    def push(self, samples: NDArray[np.float32]) -> list[Window]:
        """Take samples (n,) and return the windows that they complete."""
        self._heard += len(samples)
        windows = []
        for start, window in self._windower.push(samples):
            windows.append(Window(self._time_us(start), np.asarray(window, dtype=np.float32), self._gaps))
            self._gaps = 0
        return windows

    def skip(self, samples: int) -> None:
        """Note that a known number of samples was lost."""
        self._heard += samples
        self._windower.restart(self._heard)
        self._gaps += 1

    def anchor(self, start_us: int) -> None:
        """Begin anew at ``start_us``, after a gap of unknown length."""
        self._anchor_us, self._heard = start_us, 0
        self._windower.restart(0)
        self._gaps += 1

    def follow(self, wall_us: int) -> bool:
        """Set a new anchor if the next sample's time by the wall clock is too far off; say whether it was."""
        if abs(wall_us - self.now_us) <= self.tolerance_us:
            return False
        self.anchor(wall_us)
        return True

    def _time_us(self, sample: int) -> int:
        return self._anchor_us + sample * MICROSECONDS // self._rate
