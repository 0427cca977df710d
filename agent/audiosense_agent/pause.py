"""The pause that a reload makes in what a sensor hears."""

import time
from dataclasses import dataclass

from audiosense_agent.clock import is_provisional
from audiosense_agent.config import SensorSettings, SimulatorSource

_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Pause:
    """A sensor that was stopped, to be started again by the same process.

    Args:
        last_us: start of the last window that it heard, UTC microseconds.
        since_s: when it was stopped, monotonic seconds.
    """

    last_us: int
    since_s: float

    def missing(self, start_us: int, interval_us: int) -> int:
        """Count the whole windows between the last and the first one afterwards, which has just been heard.

        No more than had time since the stop: the clock may have been set, or the source was silent before.
        """
        if is_provisional(start_us) or is_provisional(self.last_us):
            return 0
        between = (start_us - self.last_us) // interval_us - 1
        had_time = int((time.monotonic() - self.since_s) * _MICROSECONDS) // interval_us
        return max(0, min(between, had_time))


def interval_us(sensor: SensorSettings) -> int:
    """Microseconds from one window's start to the next one's."""
    source = sensor.source
    apart_s = source.interval_s if isinstance(source, SimulatorSource) else None
    return round((apart_s or 0) * _MICROSECONDS) or sensor.window_us
