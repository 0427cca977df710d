"""Bounds how much costly work of requests a process does at a time, so that it cannot take what ingest needs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from audiosense_collector.errors import UnavailableError

T = TypeVar("T")
BUSY = "busy"
"""The type of the problem that those who are sent away get."""


class Bulkhead:
    """So many at work at a time, in threads of their own; so many wait for so long, the others are sent away.

    Who waits should hold nothing that others need: neither a connection of the database's pool nor large content.
    """

    def __init__(self, at_once: int, *, waiting: int, wait_s: float, what: str) -> None:
        self.at_once = at_once
        self._most = waiting
        self._wait_s = wait_s
        self._what = what
        self._waiting = 0
        self._places = asyncio.Semaphore(at_once)
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix=what)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold one of the places.

        Raises:
            UnavailableError: too many wait, or none was free in time.
        """
        if self._places.locked():
            await self._wait()
        else:
            await self._places.acquire()
        try:
            yield
        finally:
            self._places.release()

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Do it in a thread, by one who holds a place."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    async def do(self, work: Callable[..., T], *arguments: object) -> T:
        """Take a place, and do it in a thread; raises as ``place`` does."""
        async with self.place():
            return await self.run(work, *arguments)

    async def _wait(self) -> None:
        if self._waiting >= self._most:
            raise UnavailableError(
                f"too many {self._what} are in work or wait already; try again in a few seconds", kind=BUSY
            )
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await self._places.acquire()
        except TimeoutError:
            raise UnavailableError(
                f"other {self._what} took longer than {self._wait_s:g} s; try again in a few seconds", kind=BUSY
            ) from None
        finally:
            self._waiting -= 1
