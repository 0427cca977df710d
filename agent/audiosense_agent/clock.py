"""The clock: what time it is, and whether this computer can know it.

A board without a battery starts in 1970, or where it was switched off. Until its clock was right once, times are told
by the steady clock, which counts from the start of the computer and never steps: they are provisional, and are
recognised by lying before 1990. Once the time is known, what was heard since the start gets its place in it.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace

from audiosense_agent.boot import boot_or_run
from audiosense_agent.windows import MICROSECONDS, Window

log = logging.getLogger(__name__)
RELEASED_US = 1_735_689_600 * MICROSECONDS
"""1 January 2025: a clock that says less is wrong. It may be moved on with a release, never beyond its date."""
PROVISIONAL_BEFORE_US = 20 * 365 * 86_400 * MICROSECONDS
"""No computer runs for 20 years without a new start, and no clock that is right is in 1990."""
_TOLERANCE_US = 500_000
_SLACK_US = 86_400 * MICROSECONDS


def is_provisional(time_us: int) -> bool:
    """Whether a time is one of the steady clock, told before the clock was right."""
    return time_us < PROVISIONAL_BEFORE_US


def _steady_ns() -> int:
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Clock:
    """Tells UTC time; safe for use by several threads.

    The computer's clock is right from the moment on at which it is past the release of this program and past what the
    collector said last (less a day, for either may be a little off). It is then followed, wherever it goes. One that is
    before that is not believed: time goes on from what was known, by the steady clock.

    Args:
        wall: nanoseconds since 1970 by the computer's clock.
        steady: nanoseconds since the computer was started, those asleep included.
        boot: names this start of the computer; without one as the kernel names it, else this run of the process.
    """

    def __init__(
        self,
        *,
        wall: Callable[[], int] = time.time_ns,
        steady: Callable[[], int] = _steady_ns,
        boot: str | None = None,
    ) -> None:
        self.boot = boot or boot_or_run()
        self._wall = wall
        self._steady = steady
        self._floor_us = RELEASED_US
        self._known_us: int | None = None

    def restore(self, server_us: int | None, offset_us: int | None) -> None:
        """Take up what earlier runs kept: the collector's time at its last answer, the offset of this boot."""
        if server_us is not None:
            self._floor_us = max(RELEASED_US, server_us - _SLACK_US)
        self._known_us = offset_us

    @property
    def is_wall_right(self) -> bool:
        """Whether the computer's clock is believed."""
        return self.wall_us() >= self._floor_us

    @property
    def is_right(self) -> bool:
        """Whether the time is known, be it from the collector."""
        return self.is_wall_right or self._known_us is not None

    @property
    def offset_us(self) -> int:
        """UTC less the steady clock, in microseconds; 0 while the time is not known."""
        wall_us, steady_us = self.wall_us(), self.steady_us()
        if wall_us >= self._floor_us:
            self._known_us = wall_us - steady_us
        return self._known_us or 0

    def wall_us(self) -> int:
        """What the computer's clock says, believed or not."""
        return self._wall() // 1_000

    def steady_us(self) -> int:
        """Microseconds since the computer was started."""
        return self._steady() // 1_000

    def now_us(self) -> int:
        """UTC microseconds; provisional while the time is not known."""
        return self.steady_us() + self.offset_us

    def hear(self, server_us: int) -> None:
        """Take note of the collector's time: it is used where the computer's clock is not right, and is the floor."""
        was_right = self.is_right
        self._floor_us = max(RELEASED_US, server_us - _SLACK_US)
        if self.wall_us() < self._floor_us and not was_right:
            self._known_us = server_us - self.steady_us()
            log.warning("the computer's clock is not right; the collector's time is used until it is")


class Follower:
    """Gives windows that are counted on the steady clock their UTC time, once.

    The distances between windows stay exact; the clock is followed where it is more than half a second away, because it
    was set or has drifted. Sound goes on through a step: nothing of it is lost, and no time is told twice.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.offset_us = clock.offset_us

    def steady_us(self) -> int:
        """Microseconds since the computer was started."""
        return self._clock.steady_us()

    def stamp(self, window: Window) -> Window:
        """Return the window with UTC time; ``stepped`` if the clock was set since the one before."""
        offset_us = self._clock.offset_us
        stepped = abs(offset_us - self.offset_us) > _TOLERANCE_US
        if stepped:
            self.offset_us = offset_us
        return replace(window, start_us=window.start_us + self.offset_us, stepped=stepped)


def proven_offset_us(asked_us: int, server_us: int, answered_us: int, before_us: int = 0) -> int:
    """Return how far the collector's clock is from this one, in microseconds, as far as its answer proves it.

    The collector read its clock at some time between question and answer (NTP's bound, RFC 5905): a slow network or a
    busy collector is no skew, and does not hide one. What was known before stands as far as the answer allows it; at
    first that is none.
    """
    least, most = sorted((server_us - answered_us, server_us - asked_us))
    return min(max(before_us, least), most)
