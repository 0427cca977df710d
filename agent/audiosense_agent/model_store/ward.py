"""A sensor's model at work: watched while on probation, with the one before at hand."""

import contextlib
import logging
import time
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from audiosense_agent.deadline import Deadline
from audiosense_agent.detector import Detector, Verdict
from audiosense_agent.model_store.guard import Guard
from audiosense_agent.model_store.limits import PROVEN_WINDOWS
from audiosense_agent.model_store.probation import Probation, UnfitModelError
from audiosense_common.running import Phase
from audiosense_common.wire import Status

log = logging.getLogger(__name__)


class Keeper(Protocol):
    """What a ward tells the store; nothing here raises."""

    def commit(self, detector: Detector) -> None:
        """Keep a model that has passed its probation."""

    def prove(self, digest: str) -> None:
        """Forget the deaths that a model seemed to cause: it has scored since."""

    def send_back(self, digest: str, reason: str) -> None:
        """Go back to the model before, and never install this one again."""

    def spare(self) -> Detector | None:
        """Load the model before."""


class Ward:
    """Scores windows with a sensor's model; one that fails is replaced in the same window by the one before.

    Used by the sensor's thread only. ``detector`` is the model, None while the sensor learns; it changes when a model
    is sent back. ``scored_by`` is the one that gave the last verdict.
    """

    def __init__(
        self,
        detector: Detector | None,
        keeper: Keeper,
        guard: Guard,
        *,
        probation: Probation | None = None,
        before: Detector | None = None,
        sent_back: str | None = None,
    ) -> None:
        self.detector = detector
        self.scored_by: Detector | None = None
        self.sent_back = sent_back
        self._keeper = keeper
        self._guard = guard
        self._probation = probation
        self._before = before
        self._unproven = PROVEN_WINDOWS
        self._failures = 0

    def progress(self) -> tuple[int, int] | None:
        """Return how many windows of how many a model on probation has scored; may be called by any thread."""
        probation = self._probation
        return None if probation is None else (probation.windows, probation.wanted)

    def judge(self, vector: NDArray[np.float16], phase: Phase) -> Verdict:
        """Judge a window by its features (d,) and by what the machine does. Every window gets a verdict."""
        self.scored_by = detector = self.detector
        if detector is None:
            return Verdict(None, Status.LEARNING if phase is Phase.RUNNING else Status.STOPPED)
        if self._probation is not None:
            return self._try(detector, self._probation, vector, phase)
        if self._unproven:
            return self._prove(detector, vector, phase)
        return self._score(detector, vector, phase)

    def end(self) -> None:
        """Let go of what the ward holds open."""
        self._guard.close()

    def _try(self, detector: Detector, probation: Probation, vector: NDArray[np.float16], phase: Phase) -> Verdict:
        try:
            with self._guard.inside(detector.digest):
                verdict, seconds = _timed(detector, vector, phase, probation.deadline)
                shadow = self._shadow(vector, phase)
            has_passed = probation.note(verdict, seconds, shadow)
        except UnfitModelError as failure:
            if not np.isfinite(vector).all():
                return self._leave_out()
            self._replace(detector, f"probation:{failure}", self._before)
            return self.judge(vector, phase)
        if has_passed:
            self._probation = self._before = None
            self._unproven = 0
            self._guard.close()
            self._keeper.commit(detector)
            log.info("model %s has passed its probation", detector.digest[:12])
        return verdict

    def _shadow(self, vector: NDArray[np.float16], phase: Phase) -> tuple[Verdict, float] | None:
        if self._before is None:
            return None
        try:
            return _timed(self._before, vector, phase, None)
        except UnfitModelError:
            return None

    def _prove(self, detector: Detector, vector: NDArray[np.float16], phase: Phase) -> Verdict:
        with self._guard.inside(detector.digest):
            verdict = self._score(detector, vector, phase)
        if self.scored_by is detector:
            self._unproven -= 1
            if not self._unproven:
                self._guard.close()
                self._keeper.prove(detector.digest)
        return verdict

    def _score(self, detector: Detector, vector: NDArray[np.float16], phase: Phase) -> Verdict:
        """Score with a model that has passed; a window that it cannot score is given to the one before."""
        try:
            verdict = _scored(detector, vector, phase, None)
        except UnfitModelError as failure:
            if not np.isfinite(vector).all():
                return self._leave_out()
            self._failures += 1
            if self._before is None:
                self._before = self._keeper.spare()
            if self._failures >= PROVEN_WINDOWS:
                self._replace(detector, f"scoring:{failure}", self._before)
                return self.judge(vector, phase)
            return self._stand_in(vector, phase)
        if self._failures:
            self._failures, self._before = 0, None
        return verdict

    def _stand_in(self, vector: NDArray[np.float16], phase: Phase) -> Verdict:
        self.scored_by = self._before
        if self._before is not None:
            try:
                return _scored(self._before, vector, phase, None)
            except UnfitModelError:
                pass
        return self._leave_out()

    def _leave_out(self) -> Verdict:
        """Judge a window that no model can score, such as one whose features are no numbers."""
        self.scored_by = None
        return Verdict(None, Status.INVALID)

    def _replace(self, detector: Detector, reason: str, before: Detector | None) -> None:
        log.warning(
            "model %s is sent back (%s); %s",
            detector.digest[:12],
            reason,
            "there is none before, the sensor learns" if before is None else f"{before.digest[:12]} scores again",
        )
        self.detector, self.sent_back = before, reason
        self._probation = self._before = None
        self._unproven, self._failures = PROVEN_WINDOWS, 0
        self._guard.close()
        self._keeper.send_back(detector.digest, reason)


def _timed(
    detector: Detector, vector: NDArray[np.float16], phase: Phase, deadline: Deadline | None
) -> tuple[Verdict, float]:
    began = time.perf_counter()
    with deadline or contextlib.nullcontext():
        verdict = _scored(detector, vector, phase, deadline)
    return verdict, time.perf_counter() - began


def _scored(detector: Detector, vector: NDArray[np.float16], phase: Phase, deadline: Deadline | None) -> Verdict:
    try:
        verdict = detector.judge(vector, phase, deadline)
    except Exception as error:
        if deadline is not None and deadline.has_passed:
            raise UnfitModelError(
                "latency", f"it did not score a window within {deadline.seconds:g} s; train a smaller one"
            ) from error
        text = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise UnfitModelError("error", f"it failed to score a window: {text}") from error
    if verdict.score is None:
        raise UnfitModelError("score", "it gave a score that is no number from 0 to 1; train it again")
    return verdict
