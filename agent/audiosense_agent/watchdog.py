"""Feeds systemd's watchdog from the data path alone, and says when the agent is ready."""

import logging
import time
from collections.abc import Callable, Mapping

from audiosense_agent.pulse import Pulse
from audiosense_common.notify import notify

log = logging.getLogger(__name__)
READY_WAIT_S = 20.0
"""How long the first window is waited for; a missing device must not keep the unit from starting."""
_FEED_S = 1.0


class Watchdog:
    """Says ``READY=1`` after the first window or a bounded wait, ``WATCHDOG=1`` while every sensor's pulse beats.

    A sensor that hangs is named once, and systemd restarts the agent.
    """

    def __init__(self, pulses: Mapping[str, Pulse], tell: Callable[[str], None] = notify) -> None:
        self._pulses = pulses
        self._tell = tell
        self._began = time.monotonic()
        self._ready = False
        self._next_feed = 0.0
        self._named: set[str] = set()

    def tick(self) -> None:
        """Look at the pulses; to be called several times a second."""
        now = time.monotonic()
        heard = any(pulse.has_committed for pulse in self._pulses.values())
        if not self._ready and (heard or now - self._began > READY_WAIT_S):
            self._ready = True
            self._tell("READY=1")
        if now < self._next_feed:
            return
        self._next_feed = now + _FEED_S
        hung = {name for name, pulse in self._pulses.items() if not pulse.is_alive}
        for name in hung - self._named:
            pulse = self._pulses[name]
            log.error("%s: hangs: no window for %.0f s, expected within %.0f s", name, pulse.silent_s, pulse.limit_s)
        self._named = hung
        if not hung:
            self._tell("WATCHDOG=1")
