"""Is sound lost between the device and the agent?"""

from audiosense_agent.health.base import Check, CheckState, Figure

_MANY = 10
_REMEDY = (
    "Sound is lost because the computer is too busy: run fewer sensors or other programs on it, or lower the sample "
    "rate."
)


def check(sensor: str, *, recent: int, overflows: int, gaps: int) -> Check:
    """Check by the overflows of the last ten minutes, of all and of gaps for other reasons."""
    evidence = (Figure("overflows_10_min", recent, ""), Figure("overflows", overflows, ""), Figure("gaps", gaps, ""))
    if not recent:
        return Check("sensor_overflow", CheckState.OK, evidence, sensor=sensor)
    state = CheckState.FAILED if recent >= _MANY else CheckState.WARNING
    return Check("sensor_overflow", state, evidence, "overflow", _REMEDY, sensor)
