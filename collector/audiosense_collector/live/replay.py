"""The latest messages, for clients that come back."""

import time
from collections import deque
from itertools import islice

from audiosense_collector.live.messages import Message

KEEP_S = 60.0
KEEP_BYTES = 8 * 2**20


class Replay:
    """Messages of the last ``KEEP_S`` seconds, ``KEEP_BYTES`` at most, in the order that all processes hear."""

    def __init__(self) -> None:
        self._kept: deque[tuple[float, Message]] = deque()
        self._places: dict[str, int] = {}
        self._gone = 0
        self._bytes = 0

    @property
    def last_id(self) -> str | None:
        """Id of the newest message."""
        return self._kept[-1][1].id if self._kept else None

    def add(self, message: Message) -> None:
        """Keep a message, and let go of those that are too old or too many."""
        if message.id is None:
            return
        now = time.monotonic()
        self._places[message.id] = self._gone + len(self._kept)
        self._kept.append((now, message))
        self._bytes += len(message.body)
        while self._kept[0][0] < now - KEEP_S or self._bytes > KEEP_BYTES:
            _, old = self._kept.popleft()
            self._gone += 1
            self._bytes -= len(old.body)
            self._places.pop(old.id or "", None)

    def since(self, last_id: str) -> list[Message] | None:
        """Return what came after a message; None if that is not known any more."""
        place = self._places.get(last_id)
        if place is None or self._kept[place - self._gone][0] < time.monotonic() - KEEP_S:
            return None
        return [message for _, message in islice(self._kept, place - self._gone + 1, None)]

    def clear(self) -> None:
        """Forget all: something was missed."""
        self._gone += len(self._kept)
        self._kept.clear()
        self._places.clear()
        self._bytes = 0
