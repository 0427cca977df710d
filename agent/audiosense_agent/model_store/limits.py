"""What a model must keep to while it is on probation."""

from dataclasses import dataclass
from typing import Self

from audiosense_agent.sections import ModelSettings

DEATHS = 3
"""Deaths of the process within a model, in a row, after which it is sent back."""
PROVEN_WINDOWS = 3
"""Windows that a model scores after a start before deaths that it caused are forgotten."""
LEAST_WINDOWS = 10
"""Fewest windows that a probation, or a judgement of a model's pace, is ended on."""
MANY_ALARMS = 0.9
FEW_ALARMS = 0.1
SLOWER = 3.0
"""A model is too slow only if it also takes this many times as long as the one before: a busy computer slows both."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a model is on probation, and how slow it may be.

    Attributes:
        windows: scored windows of the machine running that end the probation; 0: there is none.
        seconds: of sound after which it ends on fewer windows, though not on fewer than ``LEAST_WINDOWS``.
        share: of the time from one window to the next that scoring one may take.
    """

    windows: int = 60
    seconds: float = 600.0
    share: float = 0.2

    @classmethod
    def of(cls, settings: ModelSettings) -> Self:
        """Take them from the configuration."""
        return cls(settings.probation_windows, settings.probation_s, settings.max_share)
