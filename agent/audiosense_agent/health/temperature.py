"""Is the board too hot, where it tells (Linux thermal zones)?"""

import contextlib
from pathlib import Path

from audiosense_agent.health.base import Check, CheckState, Figure

SYSFS = Path("/sys")
_WARNING_C, _FAILED_C = 80.0, 95.0
_PLAUSIBLE_C = (-40.0, 200.0)
_REMEDY = "The computer is too hot: move it away from the machine's heat, or give it a heat sink or a fan."


def check(sysfs: Path = SYSFS) -> Check:
    """Check by the hottest zone."""
    found = []
    for zone in sysfs.glob("class/thermal/thermal_zone*/temp"):
        with contextlib.suppress(OSError, ValueError):
            found.append(int(zone.read_text()) / 1_000)
    plausible = [celsius for celsius in found if _PLAUSIBLE_C[0] < celsius < _PLAUSIBLE_C[1]]
    if not plausible:
        return Check("temperature", CheckState.UNKNOWN)
    hottest = max(plausible)
    evidence = (Figure("hottest", round(hottest, 1), "°C"), Figure("limit", _WARNING_C, "°C"))
    if hottest < _WARNING_C:
        return Check("temperature", CheckState.OK, evidence)
    state = CheckState.FAILED if hottest >= _FAILED_C else CheckState.WARNING
    return Check("temperature", state, evidence, "hot", _REMEDY)
