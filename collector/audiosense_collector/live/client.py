"""What waits for one stream: bounded in messages and bytes, whatever the client does."""

import asyncio

from audiosense_collector.live.messages import MEASUREMENTS, RESYNC, Message, Wanted

QUEUE_MESSAGES = 256
QUEUE_BYTES = 512 * 1_024
COALESCE_FROM = 64
"""Messages that wait, from which on newer measurements of a sensor take the place of older ones."""
CHUNK_BYTES = 64 * 1_024


class Client:
    """One stream's queue.

    While it fills up, of each sensor only the newest measurements wait; once it is full, all of it gives way to one
    message that tells the client to load everything again.
    """

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.ended = False
        self._waiting: dict[int | str, Message] = {}
        self._bytes = 0
        self._number = 0
        self._ready = asyncio.Event()

    def push(self, message: Message) -> None:
        """Queue a message; never waits."""
        key: int | str = self._number
        self._number += 1
        if message.event == MEASUREMENTS and message.sensor is not None and len(self._waiting) >= COALESCE_FROM:
            key = message.sensor
            replaced = self._waiting.pop(key, None)
            self._bytes -= 0 if replaced is None else len(replaced.body)
        self._waiting[key] = message
        self._bytes += len(message.body)
        if len(self._waiting) > QUEUE_MESSAGES or self._bytes > QUEUE_BYTES:
            self._waiting = {key: Message(RESYNC, {}, message.id)}
            self._bytes = 0
        self._ready.set()

    def end(self) -> None:
        """Drop what waits and end the stream."""
        self.ended = True
        self._waiting.clear()
        self._ready.set()

    async def take(self) -> list[Message]:
        """Wait for messages and return the first of them, about ``CHUNK_BYTES``; none once the stream has ended."""
        await self._ready.wait()
        taken, size = [], 0
        for key in list(self._waiting):
            message = self._waiting.pop(key)
            taken.append(message)
            size += len(message.body)
            if size >= CHUNK_BYTES:
                break
        self._bytes = self._bytes - size if self._waiting else 0
        if not self._waiting and not self.ended:
            self._ready.clear()
        return taken
