"""A bound on the batches in work, of all and of each agent: what comes beyond is sent away, and comes back later."""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from audiosense_collector.errors import RETRY_AFTER_S, TooManyError, UnavailableError

MOST_BYTES = 64 * 2**20
"""Compressed bytes in work at a time; a batch that finds nothing else in work may be of any size."""
SHARE, LEAST_SHARE = 32, 2
"""An agent may have one in so many of the places, and so many at least. It needs one: it sends a batch at a time, and a
second one where the answer to the first was lost on its way."""


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
        self.share = max(LEAST_SHARE, most // SHARE)
        self._bytes = 0
        self._of_agent: Counter[UUID] = Counter()

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
    def entered(self, size: int = 0, agent: UUID | None = None) -> Iterator[None]:
        """Count a batch of so many bytes as in work while the block lasts.

        Raises:
            TooManyError: the agent has more than its share in work.
            UnavailableError: the gate is full.
        """
        if agent is not None and self._of_agent[agent] >= self.share:
            self.turned_away += 1
            raise TooManyError(
                f"{self._of_agent[agent]} batches of this agent are in work, its share is {self.share}; send one at a "
                "time, and this one again a little later",
                retry_after_s=random.randint(*RETRY_AFTER_S),  # noqa: S311
            )
        self.check()
        if self.in_work and self._bytes + size > MOST_BYTES:
            self.turned_away += 1
            raise UnavailableError(f"{self._bytes} bytes of batches are in work; send it again a little later")
        self._count(size, agent, 1)
        self.peak = max(self.peak, self.in_work)
        try:
            yield
        finally:
            self._count(size, agent, -1)

    def _count(self, size: int, agent: UUID | None, change: int) -> None:
        self.in_work += change
        self._bytes += change * size
        if agent is not None:
            self._of_agent[agent] += change
            if not self._of_agent[agent]:
                del self._of_agent[agent]
