"""Clips: cuts the sound around an event, and once a day a short reference of normal sound, out of what is heard."""

import hashlib
import io
import logging
from collections import deque
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import soundfile
from numpy.typing import NDArray

from audiosense_agent.clip_spool import ClipNote, ClipSpool
from audiosense_agent.config import SensorSettings
from audiosense_agent.events import Debouncer, EventRevision, uuid7
from audiosense_agent.ring import Ring
from audiosense_agent.sections import ClipSettings
from audiosense_agent.windows import MICROSECONDS, Window
from audiosense_common.audio import resample
from audiosense_common.wire import EventState, Status
from audiosense_common.wire_clips import MAX_CLIP_RATE_HZ, ClipKind

log = logging.getLogger(__name__)
DAY_US = 86_400 * MICROSECONDS
_HOUR_US = 3_600 * MICROSECONDS
_RESAMPLED_HZ = 48_000
_FAILED = "%s: the sound around an event could not be kept; measuring goes on"


def encode(samples: NDArray[np.int16], sample_rate_hz: int) -> tuple[bytes, int, int]:
    """Encode sound (n,) as FLAC; returns the file, its sample rate and its number of frames.

    What is sampled higher than a browser plays is resampled to 48 kHz.
    """
    if sample_rate_hz > MAX_CLIP_RATE_HZ:
        lower = resample(samples.astype(np.float32), sample_rate_hz, _RESAMPLED_HZ)
        samples, sample_rate_hz = np.clip(np.rint(lower), -32_768, 32_767).astype(np.int16), _RESAMPLED_HZ
    file = io.BytesIO()
    soundfile.write(file, samples, sample_rate_hz, format="FLAC", subtype="PCM_16")
    return file.getvalue(), sample_rate_hz, len(samples)


def reference_from_us(sensor: str, day: int) -> int:
    """Return the time from which a sensor's reference of a day is taken: another one each day, in UTC microseconds.

    Drawn by a hash, so that over the days all hours come by, and a fleet does not send at once.
    """
    drawn = int.from_bytes(hashlib.sha256(f"{day} {sensor}".encode()).digest()[:8], "big")
    return day * DAY_US + drawn % DAY_US


@dataclass(frozen=True, slots=True)
class _Wanted:
    id: UUID
    kind: ClipKind
    opening_us: int
    from_us: int
    to_us: int


class ClipRecorder:
    """Follows one sensor's windows; keeps no sound while the sensor's clips are not allowed.

    A clip reaches from ``before_s`` before an event's first anomalous window to ``after_s`` after it, as far as the
    sound has no gap; an event that goes on after a minimum gap gets no second one. At most ``per_hour`` events of an
    hour of sound get one. For use by one thread; never fails.
    """

    def __init__(self, sensor: SensorSettings, settings: ClipSettings, spool: ClipSpool) -> None:
        self._sensor = sensor
        self._spool = spool
        self._before_us = round(settings.before_s * MICROSECONDS)
        self._after_us = round(settings.after_s * MICROSECONDS)
        self._most_us = round(settings.max_s * MICROSECONDS)
        self._per_hour = settings.per_hour
        self._ring = Ring(sensor.sample_rate_hz)
        self._wanted: list[_Wanted] = []
        self._openings: deque[int] = deque()

    @property
    def bytes(self) -> int:
        """Memory that the sound takes."""
        return self._ring.bytes

    def push(self, window: Window, status: Status, revision: EventRevision | None, debouncer: Debouncer | None) -> None:
        """Take a window, after the debouncer.

        Args:
            window: the sound.
            status: what was said of it.
            revision: what the debouncer returned for it.
            debouncer: the sensor's; None while it has no model.
        """
        try:
            self._take(window, status, revision, debouncer)
        except Exception:
            log.exception(_FAILED, self._sensor.name)
            self._lose()

    def finish(self) -> None:
        """The sound has ended, or a source was opened anew: cut what is wanted as far as it was heard."""
        try:
            self._cut_all()
        except Exception:
            log.exception(_FAILED, self._sensor.name)
            self._lose()
        self._forget()

    def _take(
        self, window: Window, status: Status, revision: EventRevision | None, debouncer: Debouncer | None
    ) -> None:
        if not self._spool.allows(self._sensor.name):
            self._forget()
            return
        if not self._ring.continues(window):
            self._cut_all()
        self._ring.push(window)
        pending_us = None if debouncer is None else debouncer.pending_us
        in_event = debouncer is not None and (debouncer.is_open or revision is not None)
        if status is not Status.NORMAL or in_event or pending_us is not None:
            self._wanted = [each for each in self._wanted if each.kind is ClipKind.EVENT]
        elif not self._wanted and self._is_reference_due(window.start_us):
            self._add(uuid7(window.start_us // 1_000), ClipKind.REFERENCE, window.start_us, window.start_us)
        if revision is not None and revision.state is EventState.OPEN:
            self._want_event(revision)
        end_us = window.start_us + self._sensor.window_us
        for wanted in [each for each in self._wanted if each.to_us <= end_us]:
            self._cut(wanted)
        earliest_us = min(end_us, pending_us or end_us) - self._before_us
        self._ring.forget_before(min([earliest_us, *(each.from_us for each in self._wanted)]))

    def _lose(self) -> None:
        self._spool.count_dropped(self._sensor.name, "an unexpected failure")
        self._forget()

    def _forget(self) -> None:
        self._wanted.clear()
        self._ring.clear()

    def _want_event(self, opened: EventRevision) -> None:
        if not self._is_within_rate(opened.start_us):
            self._spool.count_dropped(self._sensor.name, f"more than {self._per_hour} events in an hour")
            return
        self._add(opened.id, ClipKind.EVENT, opened.start_us, opened.start_us - self._before_us)

    def _add(self, clip_id: UUID, kind: ClipKind, opening_us: int, from_us: int) -> None:
        to_us = min(opening_us + self._after_us, from_us + self._most_us)
        self._wanted.append(_Wanted(clip_id, kind, opening_us, from_us, to_us))

    def _is_within_rate(self, opening_us: int) -> bool:
        while self._openings and not 0 <= opening_us - self._openings[0] < _HOUR_US:
            self._openings.popleft()
        if len(self._openings) >= self._per_hour:
            return False
        self._openings.append(opening_us)
        return True

    def _is_reference_due(self, time_us: int) -> bool:
        day, last = time_us // DAY_US, self._spool.reference_day(self._sensor.name)
        if last is None or day < last:
            return True
        return day > last and time_us >= reference_from_us(self._sensor.name, day)

    def _cut_all(self) -> None:
        """The sound ends or has a gap: nothing more comes to what was wanted before it; a reference is taken later."""
        for wanted in self._wanted.copy():
            if wanted.kind is ClipKind.EVENT:
                self._cut(wanted)
        self._wanted.clear()

    def _cut(self, wanted: _Wanted) -> None:
        self._wanted.remove(wanted)
        cut = self._ring.cut(wanted.opening_us, wanted.from_us, wanted.to_us)
        if cut is None or not len(cut.samples):
            self._spool.count_dropped(self._sensor.name, "its sound is gone")
            return
        content, rate, frames = encode(cut.samples, self._sensor.sample_rate_hz)
        note = ClipNote(
            id=wanted.id,
            sensor=self._sensor.name,
            kind=wanted.kind,
            start_us=cut.start_us,
            opening_us=wanted.opening_us,
            sample_rate_hz=rate,
            frames=frames,
            bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
        )
        self._spool.put(note, content)
        if wanted.kind is ClipKind.REFERENCE:
            # Of one that could not be kept too: on a full disk it is not tried again with every window.
            self._spool.note_reference(self._sensor.name, wanted.opening_us // DAY_US)
