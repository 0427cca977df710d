"""Hands on what PostgreSQL notifies to every stream that wants it, each through a bounded queue of its own."""

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from uuid import UUID

import psycopg
import structlog

from audiosense_collector.clock import now_us
from audiosense_collector.live.client import Client
from audiosense_collector.live.interest import CHANGED, Interest
from audiosense_collector.live.messages import EVERY, HELLO, RESYNC, TICK, Message, Wanted
from audiosense_collector.live.notify import BATCH, CHANNEL
from audiosense_collector.live.replay import Replay

log = structlog.get_logger()
RECONNECT_S = 1.0
PROBE_S = 30.0
_REPLAYED_AT_ONCE = 64


class Hub:
    """One connection that listens for all streams of this process."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._unfiltered: set[Client] = set()
        self._by_name: defaultdict[str, set[Client]] = defaultdict(set)
        self._clients: set[Client] = set()
        self._replay = Replay()
        self._interest = Interest(conninfo)
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._cut = False
        self.listening = asyncio.Event()

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return len(self._clients)

    def wants(self, sensor_id: UUID, machine_id: UUID) -> bool:
        """Whether a stream of any process wants a sensor's measurements, as far as this one knows; in doubt, yes."""
        return self._interest.wants(sensor_id, machine_id)

    async def start(self) -> None:
        """Listen, until ``close``."""
        self._task = asyncio.create_task(self._listen_for_ever(), name="live hub")
        self._interest.start()

    async def close(self) -> None:
        """End all streams and stop listening."""
        self.end_streams()
        await self._interest.close()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def end_streams(self) -> None:
        """End all streams, now and to come."""
        self._closed = True
        for client in self._clients:
            client.end()

    async def messages(self, wanted: Wanted = EVERY, last_id: str | None = None) -> AsyncIterator[Message]:
        """Give ``hello``, what came after the message ``last_id``, then all that happens.

        Where that message is not known any more, or another stream's, ``resync`` follows the hello: load everything
        again. A client that is too slow is told so too.
        """
        async with contextlib.aclosing(self._take(wanted, last_id)) as groups:
            async for group in groups:
                for message in group:
                    if message.event != TICK:
                        yield message

    async def chunks(self, wanted: Wanted = EVERY, last_id: str | None = None) -> AsyncIterator[bytes]:
        """Give the same as it travels to the client."""
        async with contextlib.aclosing(self._take(wanted, last_id)) as groups:
            async for group in groups:
                yield b"".join([message.render(wanted) for message in group])

    async def _take(self, wanted: Wanted, last_id: str | None) -> AsyncGenerator[list[Message]]:
        with self._client(wanted) as client:
            missed, newest = self._missed(wanted, last_id), self._replay.last_id
            await self._interest.enter(wanted)
            try:
                about = {"server_time_us": now_us(), "resumed": missed is not None}
                yield [Message(HELLO, about, newest if missed is None else None)]
                if missed is None and last_id is not None:
                    yield [Message(RESYNC, {}, newest)]
                for start in range(0, len(missed or []), _REPLAYED_AT_ONCE):
                    yield (missed or [])[start : start + _REPLAYED_AT_ONCE]
                while not self._closed and (group := await client.take()):
                    yield group
            finally:
                self._interest.leave(wanted)

    def _missed(self, wanted: Wanted, last_id: str | None) -> list[Message] | None:
        identity, _, key = (last_id or "").rpartition(".")
        missed = self._replay.since(identity) if key == wanted.key else None
        return None if missed is None else [message for message in missed if wanted.takes(message)]

    @contextlib.contextmanager
    def _client(self, wanted: Wanted) -> Iterator[Client]:
        client = Client(wanted)
        names = [*wanted.sensors, *wanted.machines]
        self._clients.add(client)
        for listed in [self._by_name[name] for name in names] or [self._unfiltered]:
            listed.add(client)
        try:
            yield client
        finally:
            self._clients.discard(client)
            self._unfiltered.discard(client)
            for name in names:
                self._by_name[name].discard(client)
                if not self._by_name[name]:
                    del self._by_name[name]

    def publish(self, message: Message) -> None:
        """Hand a message to every stream that wants it."""
        self._replay.add(message)
        for client in self._listeners(message):
            client.push(message)

    def _listeners(self, message: Message) -> set[Client]:
        if message.for_all:
            return self._clients
        named = [self._by_name.get(name) for name in (message.sensor, message.machine) if name is not None]
        return self._unfiltered.union(*(clients for clients in named if clients))

    async def _listen_for_ever(self) -> None:
        while True:
            try:
                await self._listen()
            except psycopg.Error as error:
                log.warning("live updates interrupted", error=" ".join(str(error).split()))
            self.listening.clear()
            self._cut = True
            await asyncio.sleep(RECONNECT_S)

    async def _listen(self) -> None:
        async with await psycopg.AsyncConnection.connect(
            self._conninfo, autocommit=True, application_name="audiosense-live"
        ) as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            if self._cut:
                # What was told meanwhile is lost to this process; from here on nothing is.
                self._cut = False
                self._replay.clear()
                self.publish(Message(RESYNC, {}))
            self.listening.set()
            while True:
                async for notification in connection.notifies(timeout=PROBE_S):
                    self._hear(notification.payload)
                await connection.execute("SELECT 1")

    def _hear(self, payload: str) -> None:
        try:
            content = json.loads(payload)
            kind, data, identity = content["event"], content["data"], content.get("id")
            if kind == CHANGED:
                self._interest.note_change()
            elif kind == BATCH:
                for place, (event, each) in enumerate(data["messages"]):
                    self.publish(Message(event, each, f"{identity}-{place}"))
            else:
                if kind == TICK:
                    self._interest.note_tick()
                self.publish(Message(kind, data, identity))
        except (ValueError, KeyError, TypeError) as error:
            log.warning("a live message cannot be read", error=repr(error), payload=payload[:100])


__all__ = ["Hub", "Message", "Wanted"]
