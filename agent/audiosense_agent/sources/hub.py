"""Streams of sound devices, one for each device, shared by the sensors that hear its channels."""

from __future__ import annotations

import atexit
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiosense_agent.clock import Clock
from audiosense_agent.config import MicrophoneSource, Settings
from audiosense_agent.errors import SourceError
from audiosense_agent.sources.devices import (
    REMEDY,
    Device,
    choose_device,
    list_devices,
    look_from_outside,
    portaudio,
)
from audiosense_agent.windows import MICROSECONDS

log = logging.getLogger(__name__)
_QUEUE_BLOCKS = 512
_POLL_S = 0.5
_MAX_LATENCY_S = 5.0
_CLOSE_S = 5.0
_LOOK_EVERY_S = 5.0
_LOOK_AT_MOST_EVERY_S = 30.0
_USUAL_RATES_HZ = (48_000, 44_100)


class HungDeviceError(SourceError):
    """PortAudio does not let go of a device: only a new start of the agent helps."""


@dataclass(frozen=True, slots=True)
class Block:
    """Sound of one channel as PortAudio gave it.

    Attributes:
        start_us: of the first sample, in microseconds of the steady clock, which never steps.
        samples: (n,) float32.
        interrupted: sound of unknown length was lost before it.
        lost: samples before it that the queue could not hold.
    """

    start_us: int
    samples: NDArray[np.float32]
    interrupted: bool
    lost: int


class Ear:
    """One sensor's part of a shared stream: a bounded queue, filled by PortAudio's thread."""

    def __init__(self, channel: int) -> None:
        self.rate = 0
        self.failure: SourceError | None = None
        self._channel = channel
        self._blocks: queue.Queue[Block] = queue.Queue(_QUEUE_BLOCKS)
        self._lost = 0
        self._interrupted = False

    def hear(self, start_us: int, frames: NDArray[np.float32], *, overflowed: bool) -> None:
        """Take frames (n, channels) in PortAudio's thread; what the queue cannot hold is counted as lost."""
        interrupted = overflowed or self._interrupted
        block = Block(start_us, frames[:, self._channel].copy(), interrupted, self._lost)
        try:
            self._blocks.put_nowait(block)
        except queue.Full:
            self._lost += len(frames)
            self._interrupted = interrupted
        else:
            self._lost, self._interrupted = 0, False

    def interrupt(self) -> None:
        """Note that the stream was opened anew."""
        self._interrupted = True

    def get(self) -> Block | None:
        """Return the next block, or None after a while without one.

        Raises:
            SourceError: the stream has ended.
        """
        try:
            return self._blocks.get(timeout=_POLL_S)
        except queue.Empty:
            if self.failure is not None:
                raise self.failure from None
            return None


@dataclass(slots=True)
class _Stream:
    """An open device with its ears; ``rate`` is its own, ``wanted`` what the configuration calls it."""

    name: str
    wanted: str | None
    rate: int
    handle: Any
    ears: list[Ear] = field(default_factory=list)


class DeviceHub:
    """Opens each device once and gives its channels to the sensors.

    Channels and rates that a stream must serve are known from the configuration: they are fixed when the stream opens.
    A device is opened at the highest rate that a sensor wants of it, else at its own; the sensors resample.

    A device that is missing is looked for by a process of its own while other devices are heard. Once it is seen,
    PortAudio is started anew and all streams are opened again: their sensors count a gap.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._wanted = [
            (sensor.source.device, sensor.sample_rate_hz, sensor.source.channel)
            for sensor in settings.sensors
            if isinstance(sensor.source, MicrophoneSource)
        ]
        self._lock = threading.Lock()
        self._streams: dict[str, _Stream] = {}
        self._hung: set[str] = set()
        self._there: list[Device] = []
        self._next_look = 0.0
        self._look_wait_s = _LOOK_EVERY_S
        self._look_failure = ""

    @contextlib.contextmanager
    def listen(self, device: str | None, channel: int) -> Iterator[Ear]:
        """Hear one channel as long as the context lasts, at the rate that the ear tells.

        Raises:
            SourceError: the device is missing, busy or cannot record so; HungDeviceError if only a new start helps.
        """
        ear = Ear(channel)
        with self._lock:
            stream = self._find(device)
            stream.ears.append(ear)
            ear.rate = stream.rate
        try:
            yield ear
        finally:
            with self._lock:
                self._leave(ear)

    def is_running(self, ear: Ear) -> bool:
        """Whether the stream of an ear still runs; PortAudio ends it where the device was unplugged."""
        with self._lock:
            stream = self._stream_of(ear)
            with contextlib.suppress(portaudio().PortAudioError):
                return stream is not None and bool(stream.handle.active)
        return False

    def _stream_of(self, ear: Ear) -> _Stream | None:
        return next((each for each in self._streams.values() if ear in each.ears), None)

    def _leave(self, ear: Ear) -> None:
        stream = self._stream_of(ear)
        if stream is None:
            return
        stream.ears.remove(ear)
        if not stream.ears:
            del self._streams[stream.name]
            self._close(stream)

    def _close(self, stream: _Stream) -> None:
        """Close a stream; PortAudio waits for ever where a driver does not return, we do not.

        Raises:
            HungDeviceError: it did not close in time.
        """
        library = portaudio()

        def close() -> None:
            with contextlib.suppress(library.PortAudioError):
                stream.handle.close()

        closing = threading.Thread(target=close, name=f"close {stream.name}", daemon=True)
        closing.start()
        closing.join(_CLOSE_S)
        if closing.is_alive():
            self._hung.add(stream.name)
            atexit.unregister(library._exit_handler)  # noqa: SLF001 - it would wait for the stream too
            raise _hangs(stream.name)

    def _find(self, wanted: str | None) -> _Stream:
        for name in self._hung:
            if wanted is None or wanted.casefold() in name.casefold():
                raise _hangs(name)
        try:
            return self._join(wanted)
        except SourceError:
            if self._hung or (self._streams and not self._is_worth_a_restart(wanted)):
                raise
        self._restart()
        return self._join(wanted)

    def _join(self, wanted: str | None) -> _Stream:
        device = choose_device(wanted, list_devices())
        if device.name not in self._streams:
            self._streams[device.name] = self._open(device, wanted, [])
        return self._streams[device.name]

    def _is_worth_a_restart(self, wanted: str | None) -> bool:
        """Say whether PortAudio would find the device if it started anew, which costs the other devices a gap.

        Raises:
            MissingDeviceError: the device is not there.
        """
        if time.monotonic() >= self._next_look:
            self._there = self._look()
            self._next_look = time.monotonic() + self._look_wait_s
            self._look_wait_s = min(2 * self._look_wait_s, _LOOK_AT_MOST_EVERY_S)
        found = choose_device(wanted, self._there)
        return found.name not in {device.name for device in list_devices()}

    def _look(self) -> list[Device]:
        """Look for devices; that it cannot be done is said once, and goes on as if none were there."""
        try:
            there = look_from_outside()
        except SourceError as error:
            if str(error) != self._look_failure:
                self._look_failure = str(error)
                log.warning("%s", error)
            return []
        self._look_failure = ""
        return there

    def _restart(self) -> None:
        """Start PortAudio anew and open again what was open."""
        library, streams = portaudio(), list(self._streams.values())
        self._streams.clear()
        for stream in streams:
            self._close(stream)
        with contextlib.suppress(library.PortAudioError):
            library._terminate()  # noqa: SLF001 - PortAudio sees newly plugged devices only after a new start
            library._initialize()  # noqa: SLF001
        self._look_wait_s = _LOOK_EVERY_S
        for stream in streams:
            log.info("sound device %s: opened again, for another device came or went", stream.name)
            for ear in stream.ears:
                ear.interrupt()
            try:
                self._reopen(stream)
            except SourceError as error:
                for ear in stream.ears:
                    ear.failure = error

    def _reopen(self, stream: _Stream) -> None:
        device = choose_device(stream.name, list_devices())
        opened = self._open(device, stream.wanted, stream.ears)
        self._streams[device.name] = opened
        if opened.rate != stream.rate:
            raise SourceError(f"device {device.name!r} came back at {opened.rate} Hz, it had {stream.rate} Hz before")

    def _demands(self, device: Device) -> tuple[int, list[int]]:
        """Channels and rates that the configuration wants of a device; names may be parts of the device's name."""
        needed, rates = 1, set()
        devices = list_devices()
        for name, rate, channel in self._wanted:
            with contextlib.suppress(SourceError):
                if choose_device(name, devices) == device:
                    needed = max(needed, channel + 1)
                    rates.add(rate)
        if needed > device.channels:
            raise SourceError(
                f"device {device.name!r} has {device.channels} channel(s), numbered from 0; channel {needed - 1} "
                f"does not exist; {REMEDY}"
            )
        candidates = [max(rates, default=device.sample_rate_hz), device.sample_rate_hz, *_USUAL_RATES_HZ]
        return needed, list(dict.fromkeys(candidates))

    def _open(self, device: Device, wanted: str | None, ears: list[Ear]) -> _Stream:
        channels, rates = self._demands(device)
        refusals = []
        for rate in rates:
            try:
                handle = _start(device, rate, channels, ears, self._clock)
            except (portaudio().PortAudioError, ValueError) as error:
                refusals.append(str(error).splitlines()[0])
                continue
            return _Stream(device.name, wanted, rate, handle, ears)
        raise SourceError(
            f"device {device.name!r} cannot be opened at {' or '.join(map(str, rates))} Hz with {channels} channel(s): "
            f"{refusals[0]}; close what else uses it, check its plug, or {REMEDY}"
        )


def _start(device: Device, rate: int, channels: int, ears: list[Ear], clock: Clock) -> Any:
    def hear(frames: NDArray[np.float32], count: int, times: Any, status: Any) -> None:
        delay = times.currentTime - times.inputBufferAdcTime
        if not count / rate <= delay < _MAX_LATENCY_S:
            delay = count / rate
        start_us = clock.steady_us() - round(delay * MICROSECONDS)
        for ear in tuple(ears):
            ear.hear(start_us, frames, overflowed=bool(status.input_overflow))

    library = portaudio()
    stream = library.InputStream(
        samplerate=rate, device=device.index, channels=channels, dtype="float32", latency="high", callback=hear
    )
    try:
        stream.start()
    except library.PortAudioError:
        stream.close()
        raise
    return stream


def _hangs(name: str) -> HungDeviceError:
    return HungDeviceError(
        f"device {name!r} hangs: its driver does not return; restart the agent (systemd does), and if that does not "
        "help, pull its plug and put it in again"
    )
