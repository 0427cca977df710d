"""Does the spool fill up, or has it dropped measurements?"""

from audiosense_agent.health.base import Check, CheckState, Figure
from audiosense_agent.spool.rows import SpoolStatus

_WARNING, _FAILED = 0.5, 0.95
_FILLING = "Measurements pile up: restore the connection to the collector, or raise spool.max_bytes."
_DROPPING = "Measurements are being dropped: restore the connection to the collector, or raise spool.max_bytes."


def check(status: SpoolStatus, max_bytes: int, dropped_lately: int) -> Check:
    """Check by the share of its cap that is used, and by what was dropped in the last hour."""
    share = status.bytes / max_bytes
    evidence = (
        Figure("used", round(100.0 * share, 1), "%"),
        Figure("rows", status.rows, ""),
        Figure("dropped", status.dropped, ""),
        Figure("dead_letters", status.dead_letters, ""),
    )
    if dropped_lately:
        return Check("spool", CheckState.FAILED, evidence, "dropping", _DROPPING)
    if share < _WARNING:
        return Check("spool", CheckState.OK, evidence)
    state = CheckState.FAILED if share >= _FAILED else CheckState.WARNING
    return Check("spool", state, evidence, "filling", _FILLING)
