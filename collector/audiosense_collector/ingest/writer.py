"""Group commit: what arrives while a transaction runs is stored by the next one, all of it together."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from psycopg.errors import DeadlockDetected, SerializationFailure

from audiosense_collector.errors import DATABASE_AWAY, RequestError, UnavailableError
from audiosense_collector.ingest.delivery import Delivery
from audiosense_collector.ingest.queue import MAX_BATCHES, Queue
from audiosense_common.wire import Answer

log = structlog.get_logger()
GROUPS = 2
"""Transactions at a time: one is made ready while the database works on the other."""
WORTH_BATCHES = 12
"""So many batches are worth a transaction beside another one; fewer join the next."""
JOIN_S = 0.004
"""Between two groups so long is waited for more batches, and once more for as long as some come."""
ALONE = 6
"""Batches at a time that are stored each by itself, because their agent is locked or something is wrong with them."""
TRIES = 3
Outcome = Answer | RequestError
_AGAIN = (DeadlockDetected, SerializationFailure)


class Taker(Protocol):
    """Stores batches, each call in a transaction of its own that is committed when it returns."""

    async def together(self, deliveries: Sequence[Delivery]) -> list[Outcome | None]:
        """Store batches of different agents; None for those that must be taken alone."""

    async def alone(self, delivery: Delivery) -> Outcome:
        """Store a batch, whatever it takes."""


@dataclass(slots=True)
class _Waiting:
    delivery: Delivery
    taker: Taker
    outcome: asyncio.Future[Outcome]


class Writer:
    """Stores batches in groups; for use by one event loop.

    A batch that a group cannot store, and all of a group that failed for another reason than the database's absence,
    are stored each by itself: so one bad batch refuses itself and no other.
    """

    def __init__(self) -> None:
        self._queue: Queue[_Waiting] = Queue()
        self._groups = self._storing = 0
        self._alone = asyncio.Semaphore(ALONE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many batches wait for their turn."""
        return self._queue.length

    async def write(self, delivery: Delivery, taker: Taker) -> Outcome:
        """Store a batch with others; returns when it is committed, or refused.

        Raises:
            UnavailableError: the collector ends.
            Exception: what storing it raised.
        """
        if self._closed:
            raise UnavailableError("the collector ends; send it again a little later")
        waiting = _Waiting(delivery, taker, asyncio.get_running_loop().create_future())
        self._queue.put(waiting, delivery.agent, delivery.rows, is_backlog=delivery.is_backlog)
        self._start()
        return await waiting.outcome

    async def close(self) -> None:
        """Take no more, and end when all that waits is stored."""
        self._closed = True
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self) -> None:
        if self._may_start():
            self._groups += 1
            self._spawn(self._work())

    def _may_start(self) -> bool:
        """Whether another group may begin now: while others run it waits until it is worth it."""
        return self._groups == 0 or (self._groups < GROUPS and self._queue.ready >= WORTH_BATCHES)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self) -> None:
        """Store one group after the other until nothing waits."""
        try:
            while group := self._take():
                # What was left may be worth another one, to be made ready while the database works on this one.
                self._start()
                self._storing += 1
                try:
                    await self._store(group)
                finally:
                    self._storing -= 1
                if self._groups > 1 and self._queue.ready < WORTH_BATCHES:
                    break
                await self._let_join()
        finally:
            self._groups -= 1

    def _take(self) -> list[_Waiting]:
        """Return the next group: half of what is ready where each half is worth a transaction and none runs yet.

        In one group all who wait for an answer would leave this process idle while the database works.
        """
        half = self._queue.ready // 2
        return self._queue.take(half if not self._storing and half >= WORTH_BATCHES else MAX_BATCHES)

    async def _let_join(self) -> None:
        """Wait while more and more batches come in: whoever was answered just now sends the next one at once.

        A group costs as much by itself as a dozen batches of 60 in it do.
        """
        before = 0
        while before < self._queue.ready < WORTH_BATCHES:
            before = self._queue.ready
            await asyncio.sleep(JOIN_S)

    async def _store(self, group: Sequence[_Waiting]) -> None:
        outcomes: list[Outcome | None] = [None] * len(group)
        try:
            outcomes = await self._try_together(group)
        except DATABASE_AWAY as error:
            for waiting in group:
                _fail(waiting, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, each batch is tried alone and tells its own
            log.info("batches are stored each by itself", batches=len(group), error=" ".join(str(error).split())[:300])
        for waiting, outcome in zip(group, outcomes, strict=True):
            if outcome is not None:
                _finish(waiting, outcome)
        settled = [waiting for waiting in group if waiting.outcome.done()]
        self._queue.done(waiting.delivery.agent for waiting in settled)
        for waiting in group:
            if not waiting.outcome.done():
                self._spawn(self._store_alone(waiting))

    async def _try_together(self, group: Sequence[_Waiting]) -> list[Outcome | None]:
        deliveries = [waiting.delivery for waiting in group]
        for _ in range(TRIES - 1):
            try:
                return await group[0].taker.together(deliveries)
            except DATABASE_AWAY as error:
                if not isinstance(getattr(error, "orig", error), _AGAIN):
                    raise
        return await group[0].taker.together(deliveries)

    async def _store_alone(self, waiting: _Waiting) -> None:
        try:
            async with self._alone:
                _finish(waiting, await waiting.taker.alone(waiting.delivery))
        except Exception as error:  # noqa: BLE001 - the request's handlers know what it means
            _fail(waiting, error)
        finally:
            self._queue.done([waiting.delivery.agent])
            self._start()


def _finish(waiting: _Waiting, outcome: Outcome) -> None:
    if not waiting.outcome.done():
        waiting.outcome.set_result(outcome)


def _fail(waiting: _Waiting, error: Exception) -> None:
    if not waiting.outcome.done():
        waiting.outcome.set_exception(error)
