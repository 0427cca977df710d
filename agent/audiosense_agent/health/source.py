"""Can a sensor's source be opened?"""

from audiosense_agent.health.base import Check, CheckState
from audiosense_common.wire_checks import MAX_REMEDY

_GOOD = frozenset({"ok", "ended", "stopped"})
_STARTING = "starting"


def check(sensor: str, source_state: str) -> Check:
    """Check by what the source says of itself: its errors name the remedy."""
    if source_state in _GOOD:
        return Check("sensor_source", CheckState.OK, sensor=sensor)
    if source_state == _STARTING:
        return Check("sensor_source", CheckState.UNKNOWN, sensor=sensor)
    return Check("sensor_source", CheckState.FAILED, (), "failed", source_state[:MAX_REMEDY], sensor)
