"""The beat of one sensor's way from sound to spool, by which a hang is told from a device that is being looked for."""

import time

_PATIENCE_WINDOWS = 3
_PATIENCE_S = 30.0


class Pulse:
    """Beats when a window was committed, or refused by the disk, and when a source was found to be missing.

    It does not beat while a thread waits for ever: in a driver, on a disk, for a lock.
    """

    def __init__(self, window_s: float) -> None:
        self.limit_s = _PATIENCE_WINDOWS * window_s + _PATIENCE_S
        self.has_committed = False
        self._has_ended = False
        self._last = time.monotonic()

    def commit(self) -> None:
        """A window went the whole way."""
        self.has_committed = True
        self.beat()

    def beat(self) -> None:
        """The way is alive, though no sound came."""
        self._last = time.monotonic()

    def end(self) -> None:
        """The sound has ended; nothing is expected any more."""
        self._has_ended = True

    @property
    def silent_s(self) -> float:
        """Seconds since the last beat; 0 once the sound has ended."""
        return 0.0 if self._has_ended else time.monotonic() - self._last

    @property
    def is_alive(self) -> bool:
        """Whether it beats as it should."""
        return self.silent_s <= self.limit_s
