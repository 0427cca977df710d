"""Are windows really scored and committed, at the pace at which they come?"""

from audiosense_agent.health.base import Check, CheckState, Figure

_REMEDY = (
    "No window came through for too long: the agent hangs. systemd restarts it; elsewhere restart it by hand, and pull "
    "and replug the device if it hangs again."
)


def check(sensor: str, *, is_alive: bool, silent_s: float, limit_s: float) -> Check:
    """Check by the time since a window was committed, or the source was last found to be missing."""
    evidence = (Figure("since_last", round(silent_s, 1), "s"), Figure("limit", round(limit_s, 1), "s"))
    if is_alive:
        return Check("data_path", CheckState.OK, evidence, sensor=sensor)
    return Check("data_path", CheckState.FAILED, evidence, "hung", _REMEDY, sensor)
