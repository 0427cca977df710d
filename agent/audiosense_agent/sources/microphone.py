"""A channel of a sound device as source: its blocks, resampled where needed, cut into windows with their times."""

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import soxr
from numpy.typing import NDArray

from audiosense_agent.clock import Clock, Follower
from audiosense_agent.config import MicrophoneSource, SensorSettings
from audiosense_agent.sources.base import Context, Probe
from audiosense_agent.sources.devices import REMEDY, MissingDeviceError
from audiosense_agent.sources.hub import Block, DeviceHub, Ear
from audiosense_agent.windows import MICROSECONDS, TimedWindower, Window

_SILENCE_S = 10.0
_RUNAWAY_AFTER_S = 5.0
_RUNAWAY_RATIO = 1.5


class Microphone:
    """One channel of a sound device."""

    def __init__(self, sensor: SensorSettings, source: MicrophoneSource, hub: DeviceHub, clock: Clock) -> None:
        self._clock = clock
        self._sensor = sensor
        self._source = source
        self._hub = hub

    def probe(self) -> Probe:
        """Open the device and wait for sound."""
        wanted = self._sensor.sample_rate_hz
        with self._hub.listen(self._source.device, self._source.channel) as ear:
            deadline = time.monotonic() + _SILENCE_S
            while time.monotonic() < deadline:
                block = ear.get()
                if block is not None:
                    resampled = "" if ear.rate == wanted else f", resampled from the device's {ear.rate} Hz"
                    return Probe(f"hears channel {self._source.channel} at {wanted} Hz{resampled}")
        raise self._mute()

    def windows(self, context: Context) -> Iterator[Window]:
        """Yield windows; a gap is counted and never spanned."""
        with self._hub.listen(self._source.device, self._source.channel) as ear:
            cutter = Cutter(self._sensor.window_samples, ear.rate, self._sensor.sample_rate_hz)
            pace = _Runaway(ear.rate)
            follower = Follower(self._clock)
            deadline = time.monotonic() + _SILENCE_S
            while not context.stop.is_set():
                context.idle()
                block = ear.get()
                if block is None:
                    self._expect_sound(ear, deadline)
                    continue
                if pace.is_exceeded(len(block.samples) + block.lost):
                    raise self._runs_away()
                deadline = time.monotonic() + _SILENCE_S
                yield from map(follower.stamp, cutter.push(block))

    def _expect_sound(self, ear: Ear, deadline: float) -> None:
        if not self._hub.is_running(ear):
            raise MissingDeviceError(f"device {self._name!r} was unplugged or failed; it is looked for; check its plug")
        if time.monotonic() > deadline:
            raise self._mute()

    @property
    def _name(self) -> str:
        return self._source.device or "default"

    def _mute(self) -> MissingDeviceError:
        return MissingDeviceError(
            f"device {self._name!r} gave no sound for {_SILENCE_S:.0f} s; check its plug; {REMEDY}"
        )

    def _runs_away(self) -> MissingDeviceError:
        return MissingDeviceError(
            f"device {self._name!r} gives sound more than {_RUNAWAY_RATIO:g} times as fast as it can be heard, so it "
            f"is none; check its plug; {REMEDY}"
        )


class _Runaway:
    """Notices a device that gives samples faster than time passes, as some do after they were unplugged."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._began = time.monotonic()
        self._heard = 0

    def is_exceeded(self, samples: int) -> bool:
        """Count samples; say whether there were too many over the last seconds."""
        self._heard += samples
        elapsed = time.monotonic() - self._began
        if elapsed < _RUNAWAY_AFTER_S:
            return False
        exceeded = self._heard > _RUNAWAY_RATIO * elapsed * self._rate
        self._began, self._heard = time.monotonic(), 0
        return exceeded


class Cutter:
    """Cuts blocks at a device's rate into windows at the sensor's.

    A window never spans a gap, and time is never stretched: a block's own time stands over the count of samples as
    soon as they differ by half a second. What soxr holds back is counted as not heard yet.
    """

    def __init__(self, length: int, from_hz: int, to_hz: int) -> None:
        self._length = length
        self._from_hz = from_hz
        self._to_hz = to_hz
        self._resampler = self._make_resampler()
        self._windower: TimedWindower | None = None
        self._held_us = 0.0
        self._overflows = 0

    def push(self, block: Block) -> list[Window]:
        """Take a block and return the windows that it completes."""
        if self._windower is None:
            self._windower = TimedWindower(self._length, self._to_hz, block.start_us)
        self._keep_time(self._windower, block)
        windows = self._windower.push(self._resample(block.samples))
        if windows and self._overflows:
            windows[0] = replace(windows[0], overflows=self._overflows)
            self._overflows = 0
        return windows

    def _keep_time(self, windower: TimedWindower, block: Block) -> None:
        self._overflows += block.interrupted or block.lost > 0
        if block.lost:
            missing_s = block.lost / self._from_hz + self._held_us / MICROSECONDS
            windower.skip(round(missing_s * self._to_hz))
            self._forget()
        if block.interrupted or abs(block.start_us - self._held_us - windower.now_us) > windower.tolerance_us:
            windower.anchor(block.start_us)
            self._forget()

    def _forget(self) -> None:
        """Let go of what the resampler holds back: it is from before a gap."""
        self._resampler, self._held_us = self._make_resampler(), 0.0

    def _make_resampler(self) -> soxr.ResampleStream | None:
        if self._from_hz == self._to_hz:
            return None
        return soxr.ResampleStream(self._from_hz, self._to_hz, 1, dtype="float32", quality="HQ")

    def _resample(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._resampler is None:
            return samples
        given = np.asarray(self._resampler.resample_chunk(samples), np.float32)
        self._held_us += (len(samples) / self._from_hz - len(given) / self._to_hz) * MICROSECONDS
        return given
