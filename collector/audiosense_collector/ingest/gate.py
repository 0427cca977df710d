"""A bound on the batches in work: what comes beyond it is sent away at once, and comes back later."""

from collections.abc import Iterator
from contextlib import contextmanager

from audiosense_collector.errors import UnavailableError


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

    def check(self) -> None:
        """Send a batch away before anything is done for it.

        Raises:
            UnavailableError: the gate is full.
        """
        if self.in_work >= self.most:
            self.turned_away += 1
            raise UnavailableError(f"{self.in_work} batches are in work; send it again a little later")

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Count a batch as in work while the block lasts.

        Raises:
            UnavailableError: the gate is full.
        """
        self.check()
        self.in_work += 1
        self.peak = max(self.peak, self.in_work)
        try:
            yield
        finally:
            self.in_work -= 1
