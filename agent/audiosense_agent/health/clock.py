"""Is the clock right, measured against the collector's?"""

from audiosense_agent.health.base import Check, CheckState, Figure

_WARNING_S, _FAILED_S = 2.0, 60.0
_REMEDY = "The clock is wrong: switch on time synchronisation (timedatectl set-ntp true), or set the clock."


def check(offset_us: int | None, *, is_right: bool = True) -> Check:
    """Check by the collector's clock minus this one at the last answer, and by whether this one can be right at all."""
    if offset_us is None:
        if is_right:
            return Check("clock", CheckState.UNKNOWN)
        return Check("clock", CheckState.FAILED, (), "skewed", _REMEDY)
    seconds = offset_us / 1e6
    evidence = (Figure("offset", round(seconds, 3), "s"), Figure("limit", _WARNING_S, "s"))
    if abs(seconds) <= _WARNING_S:
        return Check("clock", CheckState.OK, evidence)
    state = CheckState.FAILED if abs(seconds) > _FAILED_S else CheckState.WARNING
    return Check("clock", state, evidence, "skewed", _REMEDY)
