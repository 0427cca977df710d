"""Is a sensor sound: silent, clipped, stuck, unplugged, moved?"""

from collections.abc import Iterable

from audiosense_agent.health.base import Check, CheckState
from audiosense_agent.sensor_faults.fault import FaultKind, Figure, SensorFault

REMEDIES = {
    ("sensor_silent", "digital"): (
        "The input gives only zeros: check that the microphone is not muted or switched off and that the right channel "
        "is configured."
    ),
    ("sensor_silent", "quiet"): "Nothing is heard: check the microphone's cable and power, and raise the input gain.",
    ("sensor_clipped", "full_scale"): (
        "The input is overdriven: lower its gain until the loudest sound stays 6 dB below full scale, or move the "
        "microphone away from the machine."
    ),
    ("sensor_stuck", "constant"): (
        "The input stands still: unplug the device and plug it in again; replace it if that does not help."
    ),
    ("sensor_stuck", "offset"): (
        "The input has a large offset: check the cable and the microphone's supply; replace the device if it stays."
    ),
    ("sensor_unplugged", "hum"): (
        "Only mains hum is heard: the microphone's plug is out or its cable is broken. Plug it in, or replace the "
        "cable."
    ),
    ("sensor_unplugged", "noise_floor"): (
        "Only the input's own noise is heard: plug the microphone in, or check its cable and its supply."
    ),
    ("sensor_unplugged", "device_gone"): (
        "The sound device is gone: plug it in again; it is found by its name without a restart."
    ),
    ("sensor_moved", "moved"): (
        "The sensor was moved or covered: put it back where it was, or learn its normal sound anew in the new place."
    ),
    ("sensor_moved", "suspected"): (
        "The sound changed at once in all frequencies: look whether the sensor was moved, or whether the load changed."
    ),
}


def check(sensor: str, standing: Iterable[SensorFault], level_dbfs: float | None) -> list[Check]:
    """Return a check for each kind of fault; what was not judged yet is unknown.

    Args:
        sensor: its name.
        standing: faults and suspicions that stand.
        level_dbfs: of the last window, None before the first.
    """
    found = {fault.kind: fault for fault in standing}
    level = () if level_dbfs is None else (Figure("level", round(level_dbfs, 1), "dBFS"),)
    good = CheckState.UNKNOWN if level_dbfs is None else CheckState.OK
    return [
        _of_fault(sensor, found[kind]) if kind in found else Check(kind.value, good, level, sensor=sensor)
        for kind in FaultKind
    ]


def _of_fault(sensor: str, fault: SensorFault) -> Check:
    state = CheckState.FAILED if fault.is_sure else CheckState.WARNING
    remedy = REMEDIES[fault.kind.value, fault.cause]
    return Check(fault.kind.value, state, fault.evidence, fault.cause, remedy, sensor)
