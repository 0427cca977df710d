"""Quiet windows, before some of which something happens."""

import numpy as np

from agent_testing.samples import measurement
from audiosense_agent.windows import Window

BEGAN_US = measurement(0).time_us
APART_US = 500_000


class QuietSound:
    """A source of ``count`` windows; ``happens`` are calls to be made before those of some numbers."""

    def __init__(self, count, happens=None):
        self._count, self._happens = count, happens or {}

    def windows(self, _context):
        for number in range(self._count):
            if number in self._happens:
                self._happens[number]()
            yield Window(BEGAN_US + number * APART_US, np.full(4_000, 1e-3 * (-1) ** number, np.float32))


def numbers_at(*times_us):
    """Numbers of the windows that begin at these times."""
    return [(time_us - BEGAN_US) // APART_US for time_us in times_us]
