"""Judges a new model by the windows that it scores beside the one before."""

import statistics
from dataclasses import dataclass, field

from audiosense_agent.deadline import Deadline
from audiosense_agent.detector import Verdict
from audiosense_agent.model_store.limits import FEW_ALARMS, LEAST_WINDOWS, MANY_ALARMS, SLOWER, Limits
from audiosense_common.wire import Status

_COUNTING = frozenset({Status.NORMAL, Status.ANOMALOUS})
_MOST_TIMES = 1_000
_LEAST_DEADLINE_S = 5.0


class UnfitModelError(Exception):
    """A model cannot be scored with; ``reason`` is a stable word, the message says what was found."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    def __str__(self) -> str:
        """Return the reason, and what was found."""
        return f"{self.reason}: {self.args[0]}"


@dataclass
class _Tally:
    """What one of the two models gave so far; times in seconds."""

    alarms: int = 0
    times: list[float] = field(default_factory=list)

    def note(self, verdict: Verdict, seconds: float) -> None:
        self.alarms += verdict.status is Status.ANOMALOUS
        if len(self.times) < _MOST_TIMES:
            self.times.append(seconds)

    def median_s(self) -> float:
        return statistics.median(self.times)


class Probation:
    """Counts windows until a model has passed, or failed.

    ``deadline`` breaks off scoring a single window: with it ONNX Runtime's Python binding takes 0.1 ms more, which is
    why only a model on probation has one.

    Args:
        limits: what it must keep to.
        hop_s: seconds from one window to the next.
    """

    def __init__(self, limits: Limits, hop_s: float) -> None:
        self._limits = limits
        self._hop_s = hop_s
        self._new, self._before = _Tally(), _Tally()
        self._compared = 0
        self._heard = 0
        self.windows = 0
        self.deadline = Deadline(max(_LEAST_DEADLINE_S, hop_s))

    @property
    def wanted(self) -> int:
        """How many windows of the machine running end it."""
        return self._limits.windows

    def note(self, verdict: Verdict, seconds: float, shadow: tuple[Verdict, float] | None) -> bool:
        """Count a window and say whether the model has passed.

        Args:
            verdict: of the model on probation.
            seconds: that it took.
            shadow: the same of the model before, None where there is none.

        Raises:
            UnfitModelError: the model is to be sent back.
        """
        self._heard += 1
        counts = verdict.status in _COUNTING
        self.windows += counts
        self._new.note(verdict, seconds)
        if shadow is not None:
            self._before.note(*shadow)
            self._compared += counts
        if self._heard % LEAST_WINDOWS == 0:
            self._check_pace()
        is_over = self.windows >= self._limits.windows or (
            self._heard * self._hop_s >= self._limits.seconds and self.windows >= LEAST_WINDOWS
        )
        if is_over:
            self._check_pace()
            self._check_alarms()
        return is_over

    def _check_pace(self) -> None:
        taken, allowed = self._new.median_s(), self._limits.share * self._hop_s
        before = self._before.median_s() if self._before.times else 0.0
        if taken > allowed and taken > SLOWER * before:
            raise UnfitModelError(
                "latency",
                f"it takes {taken * 1e3:.1f} ms to score a window, at most {allowed * 1e3:.1f} ms "
                f"({self._limits.share:.0%} of {self._hop_s:g} s) are taken; train a smaller one",
            )

    def _check_alarms(self) -> None:
        share = self._new.alarms / self.windows
        if share < MANY_ALARMS:
            return
        if not self._compared:
            raise UnfitModelError(
                "alarm_rate",
                f"it calls {self._new.alarms} of {self.windows} windows anomalous, and there is no model before to "
                "compare it with; learn the machine's normal sound anew",
            )
        if self._before.alarms / self._compared <= FEW_ALARMS:
            raise UnfitModelError(
                "alarm_rate",
                f"it calls {self._new.alarms} of {self.windows} windows anomalous, the model before "
                f"{self._before.alarms} of the same; look at what it was trained on",
            )
