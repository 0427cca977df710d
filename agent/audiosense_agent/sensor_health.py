"""What is known of one sensor's health: its faults, gaps, overflows, pulse and counts."""

import time
from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from audiosense_agent.config import SensorSettings, SimulatorSource
from audiosense_agent.detector import Verdict
from audiosense_agent.pulse import Pulse
from audiosense_agent.sensor_faults.monitor import SensorMonitor, device_gone
from audiosense_agent.sources.devices import MissingDeviceError
from audiosense_agent.sources.hub import HungDeviceError
from audiosense_agent.windows import Window
from audiosense_common.bundle import Manifest
from audiosense_common.errors import AudioSenseError
from audiosense_common.wire import Status

_RECENT_S = 600.0
_RUNNING = frozenset({Status.LEARNING, Status.NORMAL, Status.ANOMALOUS})


class SensorHealth:
    """Written by the sensor's thread, read by others."""

    def __init__(self, sensor: SensorSettings) -> None:
        source = sensor.source
        interval_s = source.interval_s if isinstance(source, SimulatorSource) else None
        self.monitor = SensorMonitor(
            sensor.sample_rate_hz, sensor.window_s, may_be_silent=isinstance(source, SimulatorSource)
        )
        self.pulse = Pulse(max(sensor.window_s, interval_s or 0.0))
        self.model_created_us: int | None = None
        self.windows = 0
        self.invalid = 0
        self.is_faulty = False
        self.events = 0
        self.gaps = 0
        self.overflows = 0
        self.work_s = 0.0
        self._recent: deque[float] = deque(maxlen=1_000)

    def use(self, manifest: Manifest | None) -> None:
        """Take another model's limits."""
        self.model_created_us = None if manifest is None else manifest.created_us
        self.monitor.use(manifest)

    def note(self, window: Window) -> None:
        """Count a window and what was lost before it."""
        self.windows += 1
        self.gaps += window.gaps
        self.overflows += window.overflows
        self._recent.extend([time.monotonic()] * min(window.overflows, 1_000))

    def weigh(
        self,
        samples: NDArray[np.float32],
        vector: NDArray[np.float16],
        judge: Callable[[], Verdict],
        *,
        is_stopped: bool,
    ) -> Verdict:
        """Let the model judge a window unless the sensor itself is at fault.

        Args:
            samples: of the window (n,), all finite.
            vector: its features (d,).
            judge: the model's, or the running gate's.
            is_stopped: the level is that of a machine at rest.
        """
        verdict = overruled = Verdict(None, Status.INVALID)
        if self.monitor.judge(samples, is_stopped=is_stopped) is None:
            judged = judge()
            moved = self.monitor.follow(vector, is_running=judged.status in _RUNNING)
            verdict = judged if moved is None else overruled
        self.is_faulty = verdict is overruled
        self.invalid += verdict.status is Status.INVALID
        return verdict

    def fail(self, error: AudioSenseError) -> None:
        """Note why the source failed; a device that hangs is no sign of life."""
        if isinstance(error, MissingDeviceError):
            self.monitor.lose(device_gone())
        if not isinstance(error, HungDeviceError):
            self.pulse.beat()

    @property
    def recent_overflows(self) -> int:
        """Overflows of the last ten minutes."""
        oldest = time.monotonic() - _RECENT_S
        return sum(heard >= oldest for heard in tuple(self._recent))
