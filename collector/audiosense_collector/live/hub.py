"""Hands on what PostgreSQL notifies to every browser that listens, each through a bounded queue of its own."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import structlog

from audiosense_collector.clock import now_us
from audiosense_collector.live.notify import CHANNEL

log = structlog.get_logger()
QUEUE_MESSAGES = 256
RECONNECT_S = 1.0
PROBE_S = 30.0


@dataclass(frozen=True, slots=True)
class Message:
    """One server-sent event."""

    event: str
    data: dict[str, Any]


RESYNC = Message("resync", {})


class Hub:
    """One connection that listens for all browsers of this process."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._clients: set[asyncio.Queue[Message | None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self.listening = asyncio.Event()

    async def start(self) -> None:
        """Listen, until ``close``."""
        self._task = asyncio.create_task(self._listen_for_ever(), name="live hub")

    async def close(self) -> None:
        """End all streams and stop listening."""
        self.end_streams()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def end_streams(self) -> None:
        """End all streams, now and to come."""
        self._closed = True
        for queue in self._clients:
            _drain(queue)
            queue.put_nowait(None)

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return len(self._clients)

    @contextlib.contextmanager
    def _client(self) -> Iterator[asyncio.Queue[Message | None]]:
        queue: asyncio.Queue[Message | None] = asyncio.Queue(QUEUE_MESSAGES)
        self._clients.add(queue)
        try:
            yield queue
        finally:
            self._clients.discard(queue)

    async def messages(self) -> AsyncIterator[Message]:
        """Give ``hello``, then all that happens; a client that is too slow is told to load everything again."""
        with self._client() as queue:
            yield Message("hello", {"server_time_us": now_us()})
            while not self._closed:
                message = await queue.get()
                if message is None:
                    return
                yield message

    def publish(self, message: Message) -> None:
        """Hand a message to every client."""
        for queue in self._clients:
            if queue.full():
                _drain(queue)
                queue.put_nowait(RESYNC)
            else:
                queue.put_nowait(message)

    async def _listen_for_ever(self) -> None:
        while True:
            try:
                await self._listen()
            except psycopg.Error as error:
                log.warning("live updates interrupted", error=" ".join(str(error).split()))
            self.listening.clear()
            await asyncio.sleep(RECONNECT_S)
            self.publish(RESYNC)

    async def _listen(self) -> None:
        async with await psycopg.AsyncConnection.connect(
            self._conninfo, autocommit=True, application_name="audiosense-live"
        ) as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            self.listening.set()
            while True:
                async for notification in connection.notifies(timeout=PROBE_S):
                    content = json.loads(notification.payload)
                    self.publish(Message(content["event"], content["data"]))
                await connection.execute("SELECT 1")


def _drain(queue: asyncio.Queue[Message | None]) -> None:
    while not queue.empty():
        queue.get_nowait()
