"""A channel of a sound device as source; sensors on one device share its stream."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiosense_agent.config import MicrophoneSource, SensorSettings, Settings
from audiosense_agent.errors import SourceError
from audiosense_agent.sources.base import Context, Probe
from audiosense_agent.windows import MICROSECONDS, TimedWindower, Window

_QUEUE_BLOCKS = 512
_POLL_S = 0.5
_SILENCE_S = 10.0
_MAX_LATENCY_S = 5.0
_REMEDY = "list the devices with: audiosense-agent devices"


@dataclass(frozen=True, slots=True)
class Device:
    """A sound device that can record."""

    index: int
    name: str
    channels: int
    sample_rate_hz: int
    system: str


@dataclass(frozen=True, slots=True)
class _Block:
    start_us: int
    samples: NDArray[np.float32]
    overflowed: bool
    lost: int


def portaudio() -> Any:
    """Import sounddevice.

    Raises:
        SourceError: the PortAudio library is missing.
    """
    try:
        import sounddevice  # noqa: PLC0415 - agents without microphones need no PortAudio
    except (OSError, ImportError):
        raise SourceError("the PortAudio library is missing; install it: apt-get install libportaudio2") from None
    return sounddevice


def list_devices() -> list[Device]:
    """Return the devices that can record.

    Raises:
        SourceError: PortAudio is missing or fails.
    """
    library = portaudio()
    try:
        systems = [str(each["name"]) for each in library.query_hostapis()]
        found = list(enumerate(library.query_devices()))
    except library.PortAudioError as error:
        raise SourceError(f"PortAudio fails: {error}; check the system's sound set-up") from None
    return [
        Device(
            index,
            str(each["name"]),
            int(each["max_input_channels"]),
            round(each["default_samplerate"]),
            systems[each["hostapi"]],
        )
        for index, each in found
        if each["max_input_channels"] > 0
    ]


def choose_device(name: str | None, devices: list[Device]) -> Device:
    """Return the device of that name, or the only one whose name holds it.

    Raises:
        SourceError: none or several match.
    """
    if not devices:
        raise SourceError("there is no device that can record; plug one in, then look with: audiosense-agent devices")
    if name is None:
        named_default = [device for device in devices if device.name == "default"]
        return (named_default or devices)[0]
    exact = [device for device in devices if device.name == name]
    partial = [device for device in devices if name.casefold() in device.name.casefold()]
    matches = exact or partial
    if len(matches) == 1 or exact:
        return matches[0]
    names = ", ".join(repr(device.name) for device in (matches or devices))
    if matches:
        raise SourceError(f"device {name!r} fits several: {names}; give the whole name")
    raise SourceError(f"there is no device {name!r}, there are {names}; {_REMEDY}")


class _Ear:
    """One sensor's part of a shared stream: a bounded queue, filled by PortAudio's thread."""

    def __init__(self, channel: int) -> None:
        self._channel = channel
        self._blocks: queue.Queue[_Block] = queue.Queue(_QUEUE_BLOCKS)
        self._lost = 0

    def hear(self, start_us: int, frames: NDArray[np.float32], *, overflowed: bool) -> None:
        """Take frames (n, channels) in PortAudio's thread; what the queue cannot hold is counted as lost."""
        block = _Block(start_us, frames[:, self._channel].copy(), overflowed, self._lost)
        try:
            self._blocks.put_nowait(block)
            self._lost = 0
        except queue.Full:
            self._lost += len(frames)

    def get(self) -> _Block | None:
        """Return the next block, or None after a while without one."""
        try:
            return self._blocks.get(timeout=_POLL_S)
        except queue.Empty:
            return None


class DeviceHub:
    """Opens each device once for each sample rate and gives its channels to the sensors.

    The number of channels that a stream needs is known from the configuration: it is fixed when the stream opens.
    """

    def __init__(self, settings: Settings) -> None:
        self._wanted = [
            (sensor.source.device, sensor.sample_rate_hz, sensor.source.channel)
            for sensor in settings.sensors
            if isinstance(sensor.source, MicrophoneSource)
        ]
        self._lock = threading.Lock()
        self._streams: dict[tuple[str, int], tuple[Any, list[_Ear]]] = {}

    @contextlib.contextmanager
    def listen(self, device: str | None, sample_rate_hz: int, channel: int) -> Iterator[_Ear]:
        """Hear one channel as long as the context lasts.

        Raises:
            SourceError: the device is missing, busy or cannot record so.
        """
        ear = _Ear(channel)
        with self._lock:
            chosen = self._choose(device)
            key = (chosen.name, sample_rate_hz)
            if key not in self._streams:
                ears: list[_Ear] = []
                self._streams[key] = (self._open(chosen, sample_rate_hz, ears), ears)
            stream, ears = self._streams[key]
            ears.append(ear)
        try:
            yield ear
        finally:
            with self._lock:
                ears.remove(ear)
                if not ears:
                    del self._streams[key]
                    with contextlib.suppress(portaudio().PortAudioError):
                        stream.close()

    def _choose(self, name: str | None) -> Device:
        try:
            return choose_device(name, list_devices())
        except SourceError:
            if self._streams:
                raise
        library = portaudio()
        with contextlib.suppress(library.PortAudioError):
            library._terminate()  # noqa: SLF001 - PortAudio sees newly plugged devices only after a new start
            library._initialize()  # noqa: SLF001
        return choose_device(name, list_devices())

    def _channels(self, device: Device, rate: int) -> int:
        """Channels that the configuration wants of a device; names may be parts of the device's name."""
        needed = 1
        for name, wanted_rate, channel in self._wanted:
            with contextlib.suppress(SourceError):
                if wanted_rate == rate and choose_device(name, list_devices()) == device:
                    needed = max(needed, channel + 1)
        if needed > device.channels:
            raise SourceError(
                f"device {device.name!r} has {device.channels} channel(s), numbered from 0; channel {needed - 1} "
                f"does not exist; {_REMEDY}"
            )
        return needed

    def _open(self, device: Device, rate: int, ears: list[_Ear]) -> Any:
        library, needed = portaudio(), self._channels(device, rate)

        def hear(frames: NDArray[np.float32], count: int, times: Any, status: Any) -> None:
            delay = times.currentTime - times.inputBufferAdcTime
            if not count / rate <= delay < _MAX_LATENCY_S:
                delay = count / rate
            start_us = time.time_ns() // 1_000 - round(delay * MICROSECONDS)
            for ear in tuple(ears):
                ear.hear(start_us, frames, overflowed=bool(status.input_overflow))

        try:
            stream = library.InputStream(
                samplerate=rate, device=device.index, channels=needed, dtype="float32", latency="high", callback=hear
            )
            stream.start()
        except (library.PortAudioError, ValueError) as error:
            raise SourceError(
                f"device {device.name!r} cannot be opened at {rate} Hz with {needed} channel(s): "
                f"{str(error).splitlines()[0]}; close what else uses it, set sample_rate_hz to "
                f"{device.sample_rate_hz}, or {_REMEDY}"
            ) from None
        return stream


class Microphone:
    """One channel of a sound device."""

    def __init__(self, sensor: SensorSettings, source: MicrophoneSource, hub: DeviceHub) -> None:
        self._sensor = sensor
        self._source = source
        self._hub = hub

    def probe(self) -> Probe:
        """Open the device and wait for sound."""
        with self._hub.listen(self._source.device, self._sensor.sample_rate_hz, self._source.channel) as ear:
            deadline = time.monotonic() + _SILENCE_S
            while time.monotonic() < deadline:
                block = ear.get()
                if block is not None:
                    return Probe(f"hears channel {self._source.channel} at {self._sensor.sample_rate_hz} Hz")
        raise self._mute()

    def windows(self, context: Context) -> Iterator[Window]:
        """Yield windows; a gap is counted and never spanned."""
        rate = self._sensor.sample_rate_hz
        windower: TimedWindower | None = None
        with self._hub.listen(self._source.device, rate, self._source.channel) as ear:
            deadline = time.monotonic() + _SILENCE_S
            while not context.stop.is_set():
                context.idle()
                block = ear.get()
                if block is None:
                    if time.monotonic() > deadline:
                        raise self._mute()
                    continue
                deadline = time.monotonic() + _SILENCE_S
                if windower is None:
                    windower = TimedWindower(self._sensor.window_samples, rate, block.start_us)
                _keep_time(windower, block)
                yield from windower.push(block.samples)

    def _mute(self) -> SourceError:
        return SourceError(
            f"device {self._source.device or 'default'!r} gave no sound for {_SILENCE_S:.0f} s; "
            f"check its plug; {_REMEDY}"
        )


def _keep_time(windower: TimedWindower, block: _Block) -> None:
    if block.lost:
        windower.skip(block.lost)
    if block.overflowed:
        windower.anchor(block.start_us)
    else:
        windower.follow(block.start_us)
