"""What a stream is sent, and which part of it a stream wants."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

MEASUREMENTS, RESYNC, HELLO, TICK = "measurements", "resync", "hello", "tick"
EVERYTHING = "all"


@dataclass(frozen=True)
class Message:
    """One server-sent event; its ``id`` is the same in each process."""

    event: str
    data: dict[str, Any]
    id: str | None = None

    @property
    def sensor(self) -> str | None:
        """Which sensor it is about."""
        return self.data.get("sensor_id")

    @property
    def machine(self) -> str | None:
        """Which machine it is about."""
        return self.data.get("machine_id")

    @property
    def for_all(self) -> bool:
        """Whether each stream gets it, whatever it wants."""
        return self.event in (RESYNC, TICK)

    @cached_property
    def body(self) -> bytes:
        """The lines but for the id, made once for all streams; a tick is a comment, which no page sees."""
        if self.event == TICK:
            return b": ping\n"
        return f"event: {self.event}\ndata: {json.dumps(self.data, separators=(',', ':'))}\n".encode()

    def render(self, wanted: "Wanted") -> bytes:
        """Return the event as it travels; its id says also what the stream wants, so that it fits no other stream."""
        return self.body + (b"\n" if self.id is None else f"id: {self.id}.{wanted.key}\n\n".encode())


@dataclass(frozen=True, slots=True)
class Wanted:
    """Sensors and machines that a stream is about; with neither it is about everything."""

    sensors: frozenset[str] = frozenset()
    machines: frozenset[str] = frozenset()
    key: str = field(default=EVERYTHING, compare=False)

    @classmethod
    def of(cls, sensors: Iterable[object] = (), machines: Iterable[object] = ()) -> Self:
        """Want what is about one of these."""
        names = frozenset(map(str, sensors)), frozenset(map(str, machines))
        if not any(names):
            return cls()
        words = ",".join(sorted(names[0])) + ";" + ",".join(sorted(names[1]))
        return cls(*names, hashlib.sha256(words.encode()).hexdigest()[:12])

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return not self.sensors and not self.machines

    def takes(self, message: Message) -> bool:
        """Whether a stream is sent a message."""
        if self.everything or message.for_all:
            return True
        return message.sensor in self.sensors or message.machine in self.machines


EVERY = Wanted()
