"""The last seconds of one sensor's sound, in memory: what was heard before an event opened."""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiosense_agent.windows import MICROSECONDS, Window

_FULL_SCALE = 32_767
_TOLERANCE_US = 1_000
"""Windows that follow each other closer than this are one sound; their times are rounded to microseconds."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A piece of sound: UTC microseconds of its first sample, and its samples (n,) int16."""

    start_us: int
    samples: NDArray[np.int16]


@dataclass(slots=True)
class _Piece:
    start_us: int
    samples: NDArray[np.int16]
    follows: bool


class Ring:
    """Keeps windows as int16 until they are let go; a cut never spans a gap, so its time is never stretched.

    Args:
        sample_rate_hz: of the windows.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._rate = sample_rate_hz
        self._pieces: deque[_Piece] = deque()

    @property
    def bytes(self) -> int:
        """Memory that the sound takes."""
        return sum(piece.samples.nbytes for piece in self._pieces)

    def clear(self) -> None:
        """Forget all sound."""
        self._pieces.clear()

    def continues(self, window: Window) -> bool:
        """Whether a window follows what is kept without a gap."""
        if not self._pieces or window.gaps:
            return False
        return abs(window.start_us - self._end_us(self._pieces[-1])) <= _TOLERANCE_US

    def push(self, window: Window) -> None:
        """Take a window; samples beyond full scale are clipped, NaN becomes silence.

        A window from before what is kept, after the clock was set back, takes its place.
        """
        follows = self.continues(window)
        if self._pieces and not follows and window.start_us < self._end_us(self._pieces[-1]):
            self._pieces.clear()
        scaled = np.nan_to_num(window.samples, posinf=1.0, neginf=-1.0) * np.float32(_FULL_SCALE)
        np.clip(np.rint(scaled, out=scaled), -_FULL_SCALE, _FULL_SCALE, out=scaled)
        self._pieces.append(_Piece(window.start_us, scaled.astype(np.int16), follows))

    def forget_before(self, time_us: int) -> None:
        """Let go of the sound before ``time_us``; a little more may stay."""
        while self._pieces and self._end_us(self._pieces[0]) <= time_us:
            self._pieces.popleft()
        if not self._pieces:
            return
        first = self._pieces[0]
        surplus = self._samples(time_us - first.start_us)
        if surplus > len(first.samples) // 2:
            first.start_us += surplus * MICROSECONDS // self._rate
            first.samples = first.samples[surplus:].copy()

    def cut(self, around_us: int, from_us: int, to_us: int) -> Cut | None:
        """Return the sound without a gap that holds ``around_us``, at most from ``from_us`` to ``to_us``."""
        pieces: list[_Piece] = []
        for piece in self._pieces:
            if not piece.follows:
                if pieces and around_us < self._end_us(pieces[-1]):
                    break
                pieces = []
            pieces.append(piece)
        if not pieces or not pieces[0].start_us - _TOLERANCE_US <= around_us < self._end_us(pieces[-1]):
            return None
        samples = np.concatenate([piece.samples for piece in pieces])
        start_us = pieces[0].start_us
        first = max(0, self._samples(from_us - start_us))
        last = max(first, self._samples(to_us - start_us))
        return Cut(start_us + first * MICROSECONDS // self._rate, samples[first:last])

    def _end_us(self, piece: _Piece) -> int:
        return piece.start_us + len(piece.samples) * MICROSECONDS // self._rate

    def _samples(self, span_us: int) -> int:
        return round(span_us * self._rate / MICROSECONDS)
