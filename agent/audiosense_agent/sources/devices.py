"""Sound devices as PortAudio lists them, and as another process sees them now."""

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from audiosense_agent.errors import SourceError

REMEDY = "list the devices with: audiosense-agent devices"
_LOOK_S = 20.0
_LOOK = (
    "import json, sys\n"
    "sys.path[:] = json.loads(sys.argv[1])\n"
    "from dataclasses import asdict\n"
    "from audiosense_agent.sources.devices import list_devices\n"
    "print(json.dumps([asdict(device) for device in list_devices()]))"
)


class MissingDeviceError(SourceError):
    """The device is not there; it is looked for until it is plugged in."""


@dataclass(frozen=True, slots=True)
class Device:
    """A sound device that can record."""

    index: int
    name: str
    channels: int
    sample_rate_hz: int
    system: str


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
    """Return the devices that can record, as PortAudio found them when it was started.

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


def look_from_outside() -> list[Device]:
    """Return the devices that are there now, found by a process of its own.

    PortAudio looks for devices only where it starts, and starting it anew ends every stream of the process. This says
    whether that would be worth it.

    Raises:
        SourceError: that process fails.
    """
    # The folders of this process: the Debian package's are known to its launcher alone, not to the interpreter.
    command = [sys.executable, "-c", _LOOK, json.dumps(sys.path)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_LOOK_S, check=True)  # noqa: S603
        return [Device(**each) for each in json.loads(done.stdout)]
    except (OSError, subprocess.SubprocessError, ValueError, TypeError) as error:
        said = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip()
        why = said.splitlines()[-1] if said else type(error).__name__
        raise SourceError(
            f"no device can be looked for while others are heard: {why}; restart the agent once it is plugged in"
        ) from None


def choose_device(name: str | None, devices: list[Device]) -> Device:
    """Return the device of that name, or the only one whose name holds it.

    Raises:
        MissingDeviceError: none matches.
        SourceError: several match.
    """
    if not devices:
        raise MissingDeviceError(
            "there is no device that can record; plug one in, then look with: audiosense-agent devices"
        )
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
    raise MissingDeviceError(f"there is no device {name!r}, there are {names}; {REMEDY}")
