"""What every source of sound offers to the worker that listens to it."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from audiosense_agent.windows import Window


@dataclass(frozen=True, slots=True)
class Context:
    """What a source gets from its listener.

    Attributes:
        stop: ends the sound.
        idle: called before the source waits, so that what was heard is committed meanwhile.
        warn: takes one line on something that does not stop the sound.
        resume_us: end of the last window that was spooled, 0 if there is none; replayed and simulated time goes on
            from there.
    """

    stop: threading.Event
    idle: Callable[[], None]
    warn: Callable[[str], None]
    resume_us: int = 0


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found where a source was opened: in a few words, and what is unusual about its sound, a line each."""

    detail: str
    notes: tuple[str, ...] = ()


class Source(Protocol):
    """One sensor's sound."""

    def windows(self, context: Context) -> Iterator[Window]:
        """Yield windows until the sound ends or ``context.stop`` is set.

        Raises:
            AudioSenseError: the source cannot be opened or failed; opening it again may help.
        """

    def probe(self) -> Probe:
        """Open the source for real and say what is there.

        Raises:
            AudioSenseError: it cannot be opened.
        """
