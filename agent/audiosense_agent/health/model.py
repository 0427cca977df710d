"""Does a sensor have a model, and is it recent?"""

from audiosense_agent.health.base import Check, CheckState, Figure

_STALE_DAYS = 180.0
_LEARNING_H = 72.0
_STALE = "The model is old: learn the machine's normal sound anew on its page, so that slow changes are known."
_MISSING = (
    "There is still no model: look on the machine's page why learning has not ended, and whether the machine runs "
    "while it is heard."
)


def check(sensor: str, created_us: int | None, now_us: int, heard_s: float) -> Check:
    """Check by the model's age, or by how long was listened without one since the start."""
    if created_us is not None:
        days = max(0.0, (now_us - created_us) / 86_400e6)
        evidence = (Figure("age", round(days, 1), "d"), Figure("limit", _STALE_DAYS, "d"))
        if days > _STALE_DAYS:
            return Check("model", CheckState.WARNING, evidence, "stale", _STALE, sensor)
        return Check("model", CheckState.OK, evidence, sensor=sensor)
    evidence = (Figure("heard", round(heard_s / 3_600, 1), "h"), Figure("limit", _LEARNING_H, "h"))
    if heard_s > _LEARNING_H * 3_600:
        return Check("model", CheckState.WARNING, evidence, "missing", _MISSING, sensor)
    return Check("model", CheckState.OK, evidence, "learning", sensor=sensor)
