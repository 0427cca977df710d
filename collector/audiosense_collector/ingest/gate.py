"""A bound on the batches in work: what comes beyond it is sent away at once, and comes back later."""

from collections.abc import Iterator
from contextlib import contextmanager

from audiosense_collector.errors import UnavailableError

MOST_BYTES = 64 * 2**20
"""Compressed bytes in work at a time; a batch that finds nothing else in work may be of any size."""


class Gate:
    """Lets ``most`` batches be worked on at a time, from decompression to commit; for use by one event loop.

    A fleet that comes back after an outage then neither fills the memory with parsed batches nor waits in line for
    the database until everybody's patience ends: whoever finds the gate full is told when to try again.
    """

    def __init__(self, most: int) -> None:
        self.in_work = 0
        self.peak = 0
        self.turned_away = 0
        self.most = most
        self._bytes = 0

    def check_backlog(self) -> None:
        """Send a batch of a backlog away where the last quarter of the places is begun: that is kept for the present.

        Raises:
            UnavailableError: the gate is too full for a backlog.
        """
        if self.in_work > max(1, self.most - self.most // 4):
            self.turned_away += 1
            raise UnavailableError(f"{self.in_work} batches are in work; a backlog waits, send it again a little later")

    def check(self) -> None:
        """Send a batch away before anything is done for it.

        Raises:
            UnavailableError: the gate is full.
        """
        if self.in_work >= self.most:
            self.turned_away += 1
            raise UnavailableError(f"{self.in_work} batches are in work; send it again a little later")

    @contextmanager
    def entered(self, size: int = 0) -> Iterator[None]:
        """Count a batch of so many bytes as in work while the block lasts.

        Raises:
            UnavailableError: the gate is full.
        """
        self.check()
        if self.in_work and self._bytes + size > MOST_BYTES:
            self.turned_away += 1
            raise UnavailableError(f"{self._bytes} bytes of batches are in work; send it again a little later")
        self.in_work += 1
        self._bytes += size
        self.peak = max(self.peak, self.in_work)
        try:
            yield
        finally:
            self.in_work -= 1
            self._bytes -= size
