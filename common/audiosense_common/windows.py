"""Cutting sound into windows: of a whole recording, or of blocks as they arrive."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[Any]


def split(samples: Samples, length: int, hop: int | None = None) -> Iterator[Samples]:
    """Yield complete windows of ``length`` samples, one every ``hop`` (default: end to end).

    Args:
        samples: shape (n,) or (n, channels); the windows are views of it. A rest shorter than a window is left out.
        length: samples in a window, at least 1.
        hop: samples from one start to the next, from 1 to ``length``.

    Raises:
        ValueError: ``length`` or ``hop`` out of range.
    """
    hop = _checked_hop(length, hop)
    for start in range(0, len(samples) - length + 1, hop):
        yield samples[start : start + length]


class Windower:
    """Cuts a stream of blocks of any size into the windows that ``split`` gives for the whole of it."""

    def __init__(self, length: int, hop: int | None = None) -> None:
        """Start at sample 0.

        Raises:
            ValueError: ``length`` or ``hop`` out of range.
        """
        self.length = length
        self.hop = _checked_hop(length, hop)
        self._start = 0
        self._parts: list[Samples] = []
        self._held = 0

    @property
    def pending(self) -> int:
        """Samples held that no complete window has used up."""
        return self._held

    def push(self, block: Samples) -> list[tuple[int, Samples]]:
        """Take a block and return the windows that it completes.

        Args:
            block: shape (n,) or (n, channels), channels the same for every block; n may be 0. It is copied if kept.

        Returns:
            (index of the window's first sample since the stream's start, window) for each.
        """
        if len(block):
            self._parts.append(np.array(block, copy=True))
            self._held += len(block)
        if self._held < self.length:
            return []
        held = self._parts[0] if len(self._parts) == 1 else np.concatenate(self._parts)
        windows = [(self._start + i * self.hop, w) for i, w in enumerate(split(held, self.length, self.hop))]
        used = len(windows) * self.hop
        self._start += used
        rest = held[used:].copy()
        self._parts, self._held = ([rest] if len(rest) else []), len(rest)
        return windows

    def restart(self, start: int) -> None:
        """Drop what is held; the next block begins at sample ``start`` (after a gap in the stream)."""
        self._start, self._parts, self._held = start, [], 0


def _checked_hop(length: int, hop: int | None) -> int:
    hop = length if hop is None else hop
    if not 1 <= hop <= length:
        raise ValueError(f"hop is {hop} samples for windows of {length}, expected 1 to the window's length")
    return hop
