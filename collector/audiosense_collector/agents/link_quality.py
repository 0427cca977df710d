"""How an agent's batches come: at once or late, and how often the same one came again.

An agent tells when it made a batch, by its own clock, and keeps it as it is until it is answered. So what a batch
needs beyond the fastest one is time spent on the way: a slow network, or tries that failed. The clocks' offset is the
same for all and falls out. Counts are running ones: a batch counts half after ``HALF_LIFE_US``.
"""

from dataclasses import dataclass

from audiosense_collector.agents.schemas import LinkOut
from audiosense_collector.agents.tables import Agent
from audiosense_collector.clock import DAY_US, SECOND_US

HALF_LIFE_US = DAY_US // 4
LATE_US = 2 * SECOND_US
"""A batch that needs so much longer than the fastest one did not come at once."""
LONGEST_DELAY_US = 10 * 365 * DAY_US
"""A clock that is further off than this says nothing."""
_SAME_US = SECOND_US
_DRIFT = 2e-4
"""How fast two clocks drift apart at most: the fastest batch of long ago is no measure of today's."""
LEAST_BATCHES = 5
"""Of fewer nothing is told."""


@dataclass(slots=True)
class _Tally:
    """Running counts, and the delays in microseconds by two clocks of the fastest batch and of the last one."""

    best_us: float
    last_us: float
    batches: float = 0.0
    late: float = 0.0
    repeats: float = 0.0
    extra_us: float = 0.0

    def rounded(self) -> dict[str, float]:
        """Return what is kept."""
        return {name: round(getattr(self, name), 3) for name in self.__slots__}

    def fade(self, elapsed_us: int) -> None:
        factor = 0.5 ** (elapsed_us / HALF_LIFE_US)
        self.batches, self.late, self.repeats, self.extra_us = (
            factor * each for each in (self.batches, self.late, self.repeats, self.extra_us)
        )
        self.best_us += _DRIFT * elapsed_us


def note(agent: Agent, sent_us: int, now: int) -> bool:
    """Count a batch that was taken, before ``last_seen`` is set anew; say whether it came at once."""
    delay = float(now - sent_us)
    if abs(delay) > LONGEST_DELAY_US:
        return True
    tally = _Tally(delay, delay) if agent.link is None else _Tally(**agent.link)
    tally.fade(max(0, now - (agent.last_seen or now)))
    is_late = delay > tally.best_us + LATE_US
    if is_late and abs(delay - tally.last_us) < _SAME_US:
        # Two in a row that are late by the same: not the way is longer, a clock was set.
        tally.best_us, is_late = min(delay, tally.last_us), False
    tally.best_us, tally.last_us = min(tally.best_us, delay), delay
    tally.batches += 1.0
    if is_late:
        tally.late += 1.0
    else:
        tally.extra_us += delay - tally.best_us
    agent.link = tally.rounded()
    return not is_late


def note_repeat(agent: Agent) -> None:
    """Count a batch that had been stored before: its answer was lost on the way."""
    if agent.link is not None:
        agent.link = agent.link | {"repeats": round(agent.link["repeats"] + 1.0, 3)}


def describe(agent: Agent) -> LinkOut | None:
    """Return what is known; None where that is too little."""
    if agent.link is None:
        return None
    tally = _Tally(**agent.link)
    if tally.batches < LEAST_BATCHES:
        return None
    at_once = tally.batches - tally.late
    return LinkOut(
        batches=round(tally.batches),
        at_once=min(1.0, max(0.0, at_once / tally.batches)),
        repeats=round(tally.repeats),
        delay_ms=round(tally.extra_us / at_once / 1_000, 1) if at_once >= 1.0 else None,
    )
