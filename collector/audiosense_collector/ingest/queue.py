"""Batches that wait to be stored, and which of them are stored together: each agent in turn, the present first."""

from collections import deque
from collections.abc import Iterable
from typing import Generic, TypeVar
from uuid import UUID

T = TypeVar("T")
MAX_ROWS = 6_000
"""Measurements after which a group is full; a batch that is larger is stored by itself."""
MAX_BATCHES = 200
BACKLOG_SHARE = 4
"""One in so many measurements of a full group is of a backlog, so that it goes on however much else there is."""


class Queue(Generic[T]):
    """Batches by agent; not for use by several threads.

    Of one agent a single batch is in work at a time. What is fresh goes before what is of a backlog, which has its
    share none the less, and within each the agents take turns: whoever sends much waits longer, and nobody else does.
    """

    def __init__(self) -> None:
        self._waiting: dict[UUID, deque[tuple[T, int, bool]]] = {}
        self._fresh: deque[UUID] = deque()
        self._backlog: deque[UUID] = deque()
        self._in_work: set[UUID] = set()
        self.length = 0

    @property
    def ready(self) -> int:
        """How many batches could be stored now."""
        return len(self._fresh) + len(self._backlog)

    def put(self, item: T, agent: UUID, rows: int, *, is_backlog: bool) -> None:
        """Add a batch of so many measurements."""
        line = self._waiting.setdefault(agent, deque())
        line.append((item, rows, is_backlog))
        self.length += 1
        if len(line) == 1 and agent not in self._in_work:
            self._give_turn(agent)

    def take(self, most: int = MAX_BATCHES) -> list[T]:
        """Return the next group, of ``most`` batches, and count its agents as in work; empty if none is ready."""
        backlog = self._rows(self._backlog)
        kept = min(MAX_ROWS // BACKLOG_SHARE, backlog) if self._rows(self._fresh) + backlog > MAX_ROWS else 0
        fresh = self._fill(self._fresh, MAX_ROWS - kept, most - min(len(self._backlog), most) // BACKLOG_SHARE)
        left = MAX_ROWS - sum(rows for _, rows in fresh)
        group = fresh + self._fill(self._backlog, left, most - len(fresh))
        return [item for item, _ in group]

    def done(self, agents: Iterable[UUID]) -> None:
        """Let the next batches of some agents have their turn."""
        for agent in agents:
            self._in_work.discard(agent)
            if agent in self._waiting:
                self._give_turn(agent)

    def _give_turn(self, agent: UUID) -> None:
        _, _, is_backlog = self._waiting[agent][0]
        (self._backlog if is_backlog else self._fresh).append(agent)

    def _rows(self, line: deque[UUID]) -> int:
        return sum(self._waiting[agent][0][1] for agent in line)

    def _fill(self, line: deque[UUID], rows: int, batches: int) -> list[tuple[T, int]]:
        """Take from a line what fits, with its rows; the first batch always does, so that none waits for ever."""
        taken: list[tuple[T, int]] = []
        while line and (len(taken) < batches or not taken):
            agent = line[0]
            item, count, _ = self._waiting[agent][0]
            if count > rows and taken:
                break
            rows -= count
            line.popleft()
            self._waiting[agent].popleft()
            if not self._waiting[agent]:
                del self._waiting[agent]
            self._in_work.add(agent)
            self.length -= 1
            taken.append((item, count))
        return taken
