"""Finds the measurement or event that the collector refuses, so that it alone is set aside."""

from enum import Enum, auto

_BARE_BATCHES = 20


class Remedy(Enum):
    """What to do about a refused batch."""

    RETRY = auto()
    """Make another batch at once: a smaller one, an empty one, or one without the report on the agent."""
    BURY = auto()
    """The batch holds one item, and it is the item that is refused."""
    WAIT = auto()
    """Even an empty batch is refused: nothing spooled is at fault; keep all of it."""


class Isolation:
    """Halves refused batches down to one item; an empty batch then shows whether the item is at fault.

    ``limit`` is the most items that the next batch may hold. While ``probing`` the next batch must be empty. While
    ``bare`` batches go without heartbeat and running models, in case these were refused.
    """

    def __init__(self, limit: int) -> None:
        self._most = limit
        self.limit = limit
        self.probing = False
        self.bare = False
        self._proven = False
        self._bare_left = 0

    @property
    def is_active(self) -> bool:
        """Whether a refused item is being looked for."""
        return self.limit < self._most or self.probing

    def accepted(self, items: int) -> None:
        """Note that a batch of so many items was taken."""
        if self.bare:
            self._bare_left -= 1
            self.bare = self._bare_left > 0
        if items == 0:
            self._proven = self.probing
            self.probing = False
        else:
            self._proven = False
            self.limit = min(self._most, self.limit * 2)

    def refused(self, items: int) -> Remedy:
        """Note that a batch of so many items was refused and say what to do."""
        if items == 0:
            if self.bare:
                return Remedy.WAIT
            self.bare, self._bare_left = True, _BARE_BATCHES
            return Remedy.RETRY
        if items > 1 and self.limit > 1:
            self.limit = max(1, min(self.limit, items) // 2)
            return Remedy.RETRY
        self.limit = 1
        if self._proven:
            self._proven = False
            return Remedy.BURY
        self.probing = True
        return Remedy.RETRY
