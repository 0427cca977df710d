"""Does the collector answer?"""

from audiosense_agent.health.base import Check, CheckState, Figure
from audiosense_common.wire_checks import MAX_REMEDY

_LATE_S = 300.0
_STARTING = "starting"
_UNREACHABLE = "The collector does not answer"
_NOT_ENROLLED = "Enrol the agent: audiosense-agent enroll KEY. Until then its measurements are kept here."


def check(state: str, *, is_enrolled: bool, silent_s: float | None) -> Check:
    """Check by what the uplink says, and the time since the last answer; a short silence is only a warning."""
    if not is_enrolled:
        return Check("collector", CheckState.WARNING, (), "not_enrolled", _NOT_ENROLLED)
    evidence = () if silent_s is None else (Figure("since_answer", round(silent_s), "s"),)
    if state == "ok":
        return Check("collector", CheckState.OK, evidence)
    if state == _STARTING:
        return Check("collector", CheckState.UNKNOWN, evidence)
    late = silent_s is None or silent_s > _LATE_S
    remedy = f"{_UNREACHABLE}: {state}."[:MAX_REMEDY]
    return Check("collector", CheckState.FAILED if late else CheckState.WARNING, evidence, "unreachable", remedy)
