"""Does the collector register all sensors?"""

from collections.abc import Mapping

from audiosense_agent.health.base import Check, CheckState, Figure
from audiosense_common.wire_checks import MAX_REMEDY


def check(refused: Mapping[str, str], withheld: int, *, is_linked: bool) -> Check:
    """Check by what the collector refuses; it is of the agent, for such a sensor may have no identity to tell it by.

    Args:
        refused: why, by the sensor's name.
        withheld: windows that wait in the spool for it.
        is_linked: whether there was an answer since the start.
    """
    if not refused:
        return Check("registration", CheckState.OK if is_linked else CheckState.UNKNOWN)
    evidence = (Figure("refused", len(refused), ""), Figure("withheld", withheld, ""))
    name, reason = min(refused.items())
    more = f" So it does with {len(refused) - 1} more sensors." if len(refused) > 1 else ""
    room = MAX_REMEDY - 250 - len(more)
    remedy = (
        f"The collector refuses sensor {name!r}: {reason[:room]}.{more} Correct the sensor's table in the agent's "
        "configuration, or upgrade the collector; until then its windows are kept in the spool."
    )
    return Check("registration", CheckState.FAILED, evidence, "refused", remedy)
