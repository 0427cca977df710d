"""The steps of a training, and how much of its whole each is, by what they take on an hour's baseline."""

from collections.abc import Callable

STEPS = {
    "reading": (0.0, 0.05),
    "choosing": (0.05, 0.35),
    "fitting": (0.35, 0.65),
    "threshold": (0.65, 0.8),
    "exporting": (0.8, 0.88),
    "signing": (0.88, 0.92),
    "probing": (0.92, 1.0),
}
Tell = Callable[[str, float], None]
"""Takes a step's name and how much of that step is done, 0 to 1."""


def silent(_step: str, _share: float) -> None:
    """Tell nobody."""


def whole(step: str, share: float) -> float:
    """Return how much of a training is done when so much of a step is."""
    start, end = STEPS[step]
    return start + (end - start) * share
