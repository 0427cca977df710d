"""Does a sensor have a model, is it recent, and did the last one that was sent pass?"""

from audiosense_agent.health.base import Check, CheckState, Figure

_STALE_DAYS = 180.0
_LEARNING_H = 72.0
_STALE = "The model is old: learn the machine's normal sound anew on its page, so that slow changes are known."
_MISSING = (
    "There is still no model: look on the machine's page why learning has not ended, and whether the machine runs "
    "while it is heard."
)

SENT_BACK = {
    "score": (
        "The new model gave scores that are no numbers and was sent back. Train it again; if "
        "that happens again, report it with the model's digest."
    ),
    "error": (
        "The new model failed to score and was sent back. Train it again; if "
        "that happens again, report it with the model's digest."
    ),
    "latency": (
        "The new model was too slow for this computer and was sent back. Train a smaller one, or use a faster computer."
    ),
    "alarm_rate": (
        "The new model called nearly every window anomalous and was sent back. Look at its "
        "baseline, and learn anew from normal sound."
    ),
    "crashes": (
        "The agent died three times in the new model, which was sent back. Look for too "
        "little memory (dmesg), train a smaller one."
    ),
}
"""What to do about a model that was sent back, by the reason's word."""


def check(
    sensor: str,
    created_us: int | None,
    now_us: int,
    heard_s: float,
    *,
    progress: tuple[int, int] | None = None,
    sent_back: str | None = None,
) -> Check:
    """Check by what became of the last model, by the age of the one that runs, or by how long was listened without one.

    Args:
        sensor: its name.
        created_us: when the model that runs was made, None while there is none.
        now_us: UTC microseconds.
        heard_s: seconds that were listened since the start.
        progress: windows scored and wanted of a model on probation.
        sent_back: why the last model was sent back: ``probation:WORD: text``.
    """
    days = None if created_us is None else max(0.0, (now_us - created_us) / 86_400e6)
    age = () if days is None else (Figure("age", round(days, 1), "d"),)
    if sent_back is not None:
        found = sent_back.split(":")
        word = found[1] if len(found) > 1 and found[1] in SENT_BACK else "error"
        return Check("model", CheckState.WARNING, age, f"sent_back_{word}", SENT_BACK[word], sensor)
    if progress is not None:
        evidence = (*age, Figure("windows", progress[0], ""), Figure("wanted", progress[1], ""))
        return Check("model", CheckState.OK, evidence, "probation", sensor=sensor)
    if days is not None:
        evidence = (*age, Figure("limit", _STALE_DAYS, "d"))
        if days > _STALE_DAYS:
            return Check("model", CheckState.WARNING, evidence, "stale", _STALE, sensor)
        return Check("model", CheckState.OK, evidence, sensor=sensor)
    evidence = (Figure("heard", round(heard_s / 3_600, 1), "h"), Figure("limit", _LEARNING_H, "h"))
    if heard_s > _LEARNING_H * 3_600:
        return Check("model", CheckState.WARNING, evidence, "missing", _MISSING, sensor)
    return Check("model", CheckState.OK, evidence, "learning", sensor=sensor)
