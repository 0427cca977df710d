"""A sensor that gives nothing: digital silence, or a level far below anything that its baseline held."""

from audiosense_agent.sensor_faults.fault import FaultKind, Figure, SensorFault
from audiosense_agent.sensor_faults.figures import LEAST_STILL_S, SoundFigures
from audiosense_agent.sensor_faults.limits import Limits

_ZERO = 1e-4


def judge(figures: SoundFigures, limits: Limits) -> SensorFault | None:
    """Judge a window that is constant at zero, has a stretch of zeros, or is below the limit."""
    if limits.may_be_silent:
        return None
    level = Figure("level", round(figures.level_dbfs, 1), "dBFS")
    limit = Figure("limit", round(limits.silent, 1), "dBFS")
    stands_still = figures.is_constant or figures.constant_s >= LEAST_STILL_S
    if stands_still and abs(figures.constant_at) <= _ZERO:
        return SensorFault(FaultKind.SILENT, "digital", (Figure("zeros", round(figures.constant_s, 2), "s"), level))
    if figures.level_dbfs < limits.silent:
        return SensorFault(FaultKind.SILENT, "quiet", (level, limit))
    return None
