"""Events: spans of anomalous windows, debouncing by k of n with hysteresis and a minimum gap."""

import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from audiosense_common.bundle import Debouncing
from audiosense_common.wire import EventState, Reason

_UPDATE_EVERY = 12
_SECOND_US = 1_000_000
_MOST_KEPT = 64
"""Windows of an event whose vectors are kept; a power of two, for it is halved."""

Explain = Callable[[NDArray[np.float64]], Sequence[Reason]]
"""Takes a feature vector (d,), here the median over an event's anomalous windows."""


def uuid7(unix_ms: int) -> UUID:
    """Return a UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then random bits."""
    value = (unix_ms & (2**48 - 1)) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


@dataclass(frozen=True, slots=True)
class EventRevision:
    """One revision of an event of a sensor known by name; becomes ``wire.Event`` once the sensor has an identity."""

    id: UUID
    sensor: str
    revision: int
    state: EventState
    start_us: int
    end_us: int
    peak_us: int
    peak_score: float
    threshold: float
    windows: int
    model: str
    reasons: tuple[Reason, ...] = ()


@dataclass(slots=True)
class _Scored:
    start_us: int
    end_us: int
    score: float
    anomalous: bool
    lingering: bool
    features: NDArray[np.float16] | None = None
    told: bool = False


@dataclass(slots=True)
class _Typical:
    """Feature vectors of an event's anomalous windows: all of a short event's, evenly spread ones of a long one's."""

    kept: list[NDArray[np.float16]] = field(default_factory=list)
    stride: int = 1
    seen: int = 0

    def add(self, vector: NDArray[np.float16] | None) -> None:
        if vector is None:
            return
        if self.seen % self.stride == 0:
            self.kept.append(vector)
        self.seen += 1
        if len(self.kept) == _MOST_KEPT:
            del self.kept[1::2]
            self.stride *= 2

    def median(self) -> NDArray[np.float64] | None:
        return np.median(np.array(self.kept, np.float64), axis=0) if self.kept else None


@dataclass(slots=True)
class _Open:
    id: UUID
    start_us: int
    end_us: int
    peak_us: int
    peak_score: float
    windows: int
    revision: int
    sent_windows: int
    typical: _Typical

    def add(self, windows: Sequence[_Scored]) -> None:
        """Take in anomalous windows, in order."""
        for window in windows:
            if window.score > self.peak_score:
                self.peak_score, self.peak_us = window.score, window.start_us
            self.typical.add(window.features)
        self.end_us = windows[-1].end_us
        self.windows += len(windows)


class Debouncer:
    """Opens an event when k of the last n windows are anomalous.

    It closes the event when fewer than k of the last n reach ``threshold - hysteresis``. Windows without a score
    (stopped machine, sensor fault) count as not anomalous: a sensor fault is never reported as a machine fault.
    What would open less than ``min_gap_s`` after the last event's end is that event, going on: it gets a further
    revision in place of a second event.

    An event's reasons are those of the median feature vector over its anomalous windows so far: chance in single
    windows, the peak's among them, falls away, what they have in common stays, and every figure is one that was heard
    (the mean of a strongest tone that jumps is a tone that never was).
    """

    def __init__(
        self, sensor: str, model: str, threshold: float, rule: Debouncing, explain: Explain = lambda _: ()
    ) -> None:
        self._sensor = sensor
        self._model = model
        self._threshold = threshold
        self._rule = rule
        self._explain = explain
        self._last: deque[_Scored] = deque(maxlen=rule.n)
        self._open: _Open | None = None
        self._closed: _Open | None = None
        self._since: list[_Scored] = []

    @property
    def pending_us(self) -> int | None:
        """Start of the earliest window with which the next one could open an event; None if there is none."""
        if self._open is not None:
            return None
        waiting = (window.start_us for window in self._last if window.anomalous and not window.told)
        return next(waiting, None)

    @property
    def is_open(self) -> bool:
        """Whether an event is open."""
        return self._open is not None

    def push(
        self, start_us: int, end_us: int, score: float | None, features: NDArray[np.float16] | None = None
    ) -> EventRevision | None:
        """Take one window and return the revision that it gives, if any.

        Args:
            start_us: start of the window.
            end_us: its end.
            score: null where it must not count.
            features: its vector (d,); without it the window gives no reasons.
        """
        found = -1.0 if score is None else score
        lingering = found >= self._threshold - self._rule.hysteresis and score is not None
        window = _Scored(start_us, end_us, found, found >= self._threshold, lingering, features)
        self._last.append(window)
        if self._open is not None:
            return self._go_on(self._open, window)
        if window.anomalous and self._closed is not None:
            self._since.append(window)
        if self._count_anomalous() >= self._rule.k:
            return self._begin()
        self._forget_closed(start_us)
        return None

    def close(self) -> EventRevision | None:
        """Close an open event and forget the windows: the model or the sound changed."""
        self._last.clear()
        revision = None if self._open is None else self._end(self._open)
        self._closed, self._since = None, []
        return revision

    def _count_anomalous(self) -> int:
        return sum(window.anomalous for window in self._last)

    def _begin(self) -> EventRevision:
        windows = [window for window in self._last if window.anomalous and not window.told]
        first = windows[0]
        if self._closed is not None and first.start_us - self._closed.end_us < self._rule.min_gap_s * _SECOND_US:
            return self._resume(self._closed)
        self._closed, self._since = None, []
        self._open = _Open(
            id=uuid7(first.start_us // 1_000),
            start_us=first.start_us,
            end_us=first.end_us,
            peak_us=first.start_us,
            peak_score=first.score,
            windows=0,
            revision=0,
            sent_windows=0,
            typical=_Typical(),
        )
        self._open.add(windows)
        return self._revise(self._open, EventState.OPEN)

    def _resume(self, event: _Open) -> EventRevision:
        self._open, self._closed = event, None
        event.add(self._since)
        self._since = []
        return self._revise(event, EventState.UPDATE)

    def _forget_closed(self, now_us: int) -> None:
        """Let go of the last event once no other can be too close to it."""
        if self._closed is None:
            return
        earliest_us = now_us if self.pending_us is None else self.pending_us
        if earliest_us - self._closed.end_us >= self._rule.min_gap_s * _SECOND_US:
            self._closed, self._since = None, []

    def _go_on(self, event: _Open, window: _Scored) -> EventRevision | None:
        if window.lingering:
            event.end_us = window.end_us
        if window.anomalous:
            event.windows += 1
            event.typical.add(window.features)
        raised = window.score > event.peak_score
        if raised:
            event.peak_score, event.peak_us = window.score, window.start_us
        if sum(each.lingering for each in self._last) < self._rule.k:
            return self._end(event)
        if raised or event.windows - event.sent_windows >= _UPDATE_EVERY:
            return self._revise(event, EventState.UPDATE)
        return None

    def _end(self, event: _Open) -> EventRevision:
        self._open, self._closed = None, event
        for window in self._last:
            window.told = True
        return self._revise(event, EventState.CLOSE)

    def _revise(self, event: _Open, state: EventState) -> EventRevision:
        event.revision += 1
        event.sent_windows = event.windows
        typical = event.typical.median()
        return EventRevision(
            id=event.id,
            sensor=self._sensor,
            revision=event.revision,
            state=state,
            start_us=event.start_us,
            end_us=event.end_us,
            peak_us=event.peak_us,
            peak_score=event.peak_score,
            threshold=self._threshold,
            windows=event.windows,
            model=self._model,
            reasons=() if typical is None else tuple(self._explain(typical)),
        )
