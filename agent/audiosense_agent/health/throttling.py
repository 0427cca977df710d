"""Is the board slowed down by heat or a weak supply, where it tells (Raspberry Pi firmware)?"""

import contextlib
from pathlib import Path

from audiosense_agent.health.base import Check, CheckState, Figure
from audiosense_agent.health.temperature import SYSFS

_PLACES = (
    "devices/platform/soc/soc:firmware/get_throttled",
    "devices/platform/*firmware*/get_throttled",
    "devices/platform/*/*firmware*/get_throttled",
)
_UNDER_VOLTAGE, _SLOWED = 0x1, 0xE
_SINCE_BOOT_SHIFT = 16
_SUPPLY = "The supply voltage is too low: use the board's own power supply and a short, thick cable."
_HEAT = "The processor is slowed down by heat: give the board a heat sink or a fan, or a cooler place."


def check(sysfs: Path = SYSFS) -> Check:
    """Check by the firmware's bits: 0 to 3 for now, 16 to 19 for some time since the start."""
    bits = _read(sysfs)
    if bits is None:
        return Check("throttling", CheckState.UNKNOWN)
    evidence = (Figure("now", bits & 0xF, ""), Figure("since_boot", bits >> _SINCE_BOOT_SHIFT & 0xF, ""))
    if bits & _UNDER_VOLTAGE:
        return Check("throttling", CheckState.FAILED, evidence, "under_voltage", _SUPPLY)
    if bits & _SLOWED:
        return Check("throttling", CheckState.WARNING, evidence, "slowed", _HEAT)
    if bits >> _SINCE_BOOT_SHIFT & _UNDER_VOLTAGE:
        return Check("throttling", CheckState.WARNING, evidence, "under_voltage", _SUPPLY)
    return Check("throttling", CheckState.OK, evidence)


def _read(sysfs: Path) -> int | None:
    for place in _PLACES:
        for file in sysfs.glob(place):
            with contextlib.suppress(OSError, ValueError):
                return int(file.read_text().strip(), 16)
    return None
