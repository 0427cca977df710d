"""One sensor's faults over time: what stands, from when on, and when it is over."""

import numpy as np
from numpy.typing import NDArray

from audiosense_agent.sensor_faults import clipped, silent, stuck, unplugged
from audiosense_agent.sensor_faults.fault import FaultKind, SensorFault
from audiosense_agent.sensor_faults.figures import SoundFigures, measure
from audiosense_agent.sensor_faults.limits import Limits
from audiosense_agent.sensor_faults.moved import MoveWatch
from audiosense_common.bundle import Manifest

_GOOD_TO_CLEAR = 2


class SensorMonitor:
    """Judges each window of a sensor before its model does.

    A fault stands from its first window on and until ``_GOOD_TO_CLEAR`` good ones followed it, so that a window that
    is half fault and half machine is not scored.
    """

    def __init__(self, sample_rate_hz: int, window_s: float, *, may_be_silent: bool = False) -> None:
        self._rate = sample_rate_hz
        self._may_be_silent = may_be_silent
        self._limits = Limits.of(None, may_be_silent=may_be_silent)
        self._moves = MoveWatch(window_s)
        self._fault: SensorFault | None = None
        self._good = 0
        self.figures: SoundFigures | None = None
        self.faults = 0

    @property
    def standing(self) -> tuple[SensorFault, ...]:
        """The fault that stands and the suspicion, if any."""
        return tuple(fault for fault in (self._fault, self._moves.found) if fault is not None)

    def use(self, manifest: Manifest | None) -> None:
        """Take the limits from another model's baseline; it knows the sensor where it is now."""
        self._limits = Limits.of(manifest, may_be_silent=self._may_be_silent)
        self._moves.reset()

    def judge(self, samples: NDArray[np.float32], *, is_stopped: bool) -> SensorFault | None:
        """Judge the next window's samples (n,), all finite; return the fault that stands.

        Args:
            samples: of the window.
            is_stopped: its level is that of a machine at rest.
        """
        figures = self.figures = measure(samples, self._rate)
        found = (
            stuck.judge(figures)
            or silent.judge(figures, self._limits)
            or clipped.judge(figures)
            or unplugged.judge(samples, self._rate, figures, self._limits, is_stopped=is_stopped)
        )
        if found is not None:
            self._begin(found)
        elif self._fault is not None:
            self._good += 1
            if self._good > _GOOD_TO_CLEAR - 1:
                self._fault = None
        return self._fault

    def follow(self, vector: NDArray[np.float16], *, is_running: bool) -> SensorFault | None:
        """Take the vector of a good window, of a machine that seems to run or not; return the move that is sure."""
        found = self._moves.push(vector, is_running=is_running)
        return found if found is not None and found.is_sure else None

    def lose(self, evidence: SensorFault) -> None:
        """Note that the device itself is gone."""
        self._begin(evidence)

    def _begin(self, fault: SensorFault) -> None:
        if self._fault is None:
            self.faults += 1
        self._fault, self._good = fault, 0


def device_gone() -> SensorFault:
    """The fault of a sensor whose device is not there."""
    return SensorFault(FaultKind.UNPLUGGED, "device_gone", ())
