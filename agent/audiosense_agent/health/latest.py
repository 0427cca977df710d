"""The latest self-checks as a running agent left them, for commands beside it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from audiosense_common.wire_checks import CheckState

FILE = "health.json"
_OLD_S = 180.0
_SHOWN = (CheckState.FAILED, CheckState.WARNING)


class _Kept(BaseModel):
    model_config = ConfigDict(extra="ignore")

    key: str
    sensor: str | None = None
    state: CheckState
    cause: str | None = None
    evidence: list[dict[str, Any]] = []
    remedy: str = ""


_KEPT = TypeAdapter(list[_Kept])


def read_latest(state_dir: Path) -> dict[str, Any] | None:
    """Read what a running agent wrote last: ``time_us`` and ``checks``; None if there is nothing readable."""
    try:
        content = json.loads((state_dir / FILE).read_bytes())
        checks = _KEPT.validate_python(content["checks"])
        return {"time_us": int(content["time_us"]), "checks": [check.model_dump(mode="json") for check in checks]}
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        return None


def describe(latest: dict[str, Any] | None) -> Iterator[str]:
    """Put the latest checks in lines: how many are good, then what is not, with figures and remedy."""
    if latest is None:
        yield "checks: none yet; they come a few seconds after the agent's start"
        return
    checks = latest["checks"]
    good = sum(check["state"] == CheckState.OK for check in checks)
    age_s = time.time() - latest["time_us"] / 1e6
    old = f", {age_s / 60:.0f} minutes old: does the agent run?" if age_s > _OLD_S else ""
    yield f"checks: {good} of {len(checks)} ok{old}"
    for state in _SHOWN:
        yield from (_line(check) for check in checks if check["state"] == state)


def probation(latest: dict[str, Any] | None, sensor: str) -> tuple[int, int] | None:
    """Return how many windows of how many a sensor's model on probation had scored; None where it is not."""
    for check in [] if latest is None else latest["checks"]:
        if (check["key"], check["sensor"], check["cause"]) == ("model", sensor, "probation"):
            figures = {each.get("key"): each.get("value") for each in check["evidence"]}
            if isinstance(figures.get("windows"), int) and isinstance(figures.get("wanted"), int):
                return figures["windows"], figures["wanted"]
    return None


def _line(check: dict[str, Any]) -> str:
    of = f" of sensor {check['sensor']}" if check["sensor"] else ""
    figures = ", ".join(f"{each['key']} {each['value']:g} {each['unit']}".strip() for each in check["evidence"])
    cause = f" ({check['cause']}{'; ' + figures if figures else ''})"
    return f"{check['state']}: {check['key']}{of}{cause}: {check['remedy']}"
