"""Pacing of sources that could run at any speed: a sample clock that catches up with the present."""

import time

from audiosense_agent.clock import Follower, is_provisional
from audiosense_agent.sources.base import Context
from audiosense_agent.windows import MICROSECONDS


class Pace:
    """Says when sound of a given time may be handed on.

    The sample clock starts ``history_s`` in the past and runs at most ``max_speed`` times as fast as real time until
    it has caught up with the present; from then on it keeps pace with it. It never starts
    before ``resume_us`` (UTC), where the last run ended. ``fast`` never waits. Its times are those of the steady clock.
    """

    def __init__(
        self, history_s: float, max_speed: float | None, follower: Follower, *, fast: bool = False, resume_us: int = 0
    ) -> None:
        self._fast = fast
        self._max_speed = max_speed
        self._began = time.monotonic()
        self._now_us = follower.steady_us()
        if not resume_us or not is_provisional(resume_us):
            resume_us -= follower.offset_us
        self.start_us = max(self._now_us - round(history_s * MICROSECONDS), min(resume_us, self._now_us))

    def delay_s(self, time_us: int) -> float:
        """Return the seconds from now until sound of ``time_us`` may be handed on."""
        if self._fast:
            return 0.0
        elapsed = time.monotonic() - self._began
        present = (time_us - self._now_us) / MICROSECONDS - elapsed
        hurried = 0.0
        if self._max_speed is not None:
            hurried = (time_us - self.start_us) / MICROSECONDS / self._max_speed - elapsed
        return max(0.0, present, hurried)

    def wait(self, time_us: int, context: Context) -> bool:
        """Wait until sound of ``time_us`` may be handed on; false if stopped meanwhile."""
        delay = self.delay_s(time_us)
        if delay > 0:
            context.idle()
            return not context.stop.wait(self.delay_s(time_us))
        return not context.stop.is_set()
