"""Does the collector answer?"""

from audiosense_agent.health.base import Check, CheckState, Figure
from audiosense_common.wire_checks import MAX_REMEDY

_LATE_S = 300.0
_STARTING = "starting"
_UNREACHABLE = "The collector does not answer"
_REFUSES = "the collector refuses this agent"
_WAITS = "not enrolled"
_IS_DAMAGED = "is damaged"
_DAMAGED = (
    "The identity is damaged: enrol the agent again: audiosense-agent enroll KEY. Until then its measurements are kept"
    " here."
)
_NOT_ENROLLED = "Enrol the agent: audiosense-agent enroll KEY. Until then its measurements are kept here."


def check(
    state: str, *, is_enrolled: bool, silent_s: float | None, running_s: float, is_damaged: bool = False
) -> Check:
    """Check by what the uplink says and by how long there was no answer; a short silence is only a warning.

    Args:
        state: the uplink's own words.
        is_enrolled: whether there is an identity.
        is_damaged: whether that identity cannot be understood; nobody can be asked then.
        silent_s: seconds since the last answer, be it to an earlier run; None where there never was one.
        running_s: seconds since the start: before it nobody asked, so it is no failure that nobody answered.
    """
    if is_damaged:
        tried = "" if state in {"ok", _STARTING} or _IS_DAMAGED in state else f"{state}. "
        return Check("collector", CheckState.FAILED, (), "identity_damaged", f"{tried}{_DAMAGED}"[:MAX_REMEDY])
    if not is_enrolled:
        # An agent that was given a key enrols by itself; what it met with stands before what else can be done.
        tried = "" if state in {"ok", _STARTING} or state.startswith(_WAITS) else f"{state}. "
        return Check("collector", CheckState.WARNING, (), "not_enrolled", f"{tried}{_NOT_ENROLLED}"[:MAX_REMEDY])
    evidence = () if silent_s is None else (Figure("since_answer", round(silent_s), "s"),)
    if state == "ok":
        return Check("collector", CheckState.OK, evidence)
    if state == _STARTING:
        return Check("collector", CheckState.UNKNOWN, evidence)
    if state.startswith(_REFUSES):
        return Check(
            "collector", CheckState.FAILED, evidence, "refused", f"{state[0].upper()}{state[1:]}."[:MAX_REMEDY]
        )
    late = running_s > _LATE_S and (silent_s is None or silent_s > _LATE_S)
    remedy = f"{_UNREACHABLE}: {state}."[:MAX_REMEDY]
    return Check("collector", CheckState.FAILED if late else CheckState.WARNING, evidence, "unreachable", remedy)
