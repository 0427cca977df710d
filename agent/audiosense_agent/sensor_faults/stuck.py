"""A sensor whose output stands still, or is shifted so far that half of its range is gone."""

from audiosense_agent.sensor_faults.fault import FaultKind, Figure, SensorFault
from audiosense_agent.sensor_faults.figures import LEAST_STILL_S, SoundFigures

_ZERO = 1e-4
_OFFSET = 0.5


def judge(figures: SoundFigures) -> SensorFault | None:
    """Judge a window: constant at another value than zero, or with a large offset."""
    offset = Figure("offset", round(100.0 * figures.mean, 1), "%")
    stands_still = figures.is_constant or figures.constant_s >= LEAST_STILL_S
    if stands_still and abs(figures.constant_at) > _ZERO:
        return SensorFault(FaultKind.STUCK, "constant", (Figure("still", round(figures.constant_s, 2), "s"), offset))
    if abs(figures.mean) >= _OFFSET:
        level = Figure("level", round(figures.level_dbfs, 1), "dBFS")
        return SensorFault(FaultKind.STUCK, "offset", (offset, level))
    return None
