"""What one sensor heard and the disk does not hold yet: its windows, its events, and how many of them were lost."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import UUID

from audiosense_agent.committer import Committer
from audiosense_agent.errors import SpoolError, UnstorableError
from audiosense_agent.events import EventRevision
from audiosense_agent.spool import Spool
from audiosense_agent.spool.gaps import LossReason
from audiosense_agent.spool.rows import Measurement

log = logging.getLogger(__name__)
_MAX_WAITING = 2_000
_T = TypeVar("_T")


@dataclass(slots=True)
class Loss:
    """Windows that were due and are nowhere: how many, the first and the last."""

    windows: int = 0
    first_us: int | None = None
    last_us: int | None = None

    def add(self, time_us: int) -> None:
        """Count a window that began at ``time_us``."""
        self.windows += 1
        self.first_us = time_us if self.first_us is None else self.first_us
        self.last_us = time_us


class Pending:
    """Holds what waits for its commit; used by the sensor's thread alone.

    Windows that the spool cannot take (disk full) wait here, the newest ``_MAX_WAITING``; older ones are counted as
    lost. So do events, of each the last revision. What cannot be stored at all is lost by itself and keeps back
    nothing else.
    """

    def __init__(self, sensor: str, spool: Spool, committer: Committer) -> None:
        self._sensor = sensor
        self._spool = spool
        self._committer = committer
        self._measurements: list[Measurement] = []
        self._events: list[EventRevision] = []
        self._measured = 0
        self._lost = Loss()
        self._paused = Loss()
        self._lost_events = 0
        self._begun_us: int | None = None
        self._since = time.monotonic()

    def begin(self, time_us: int) -> None:
        """Count a window as measured that began at ``time_us``; unless it is kept before the next, it is lost."""
        self._settle()
        self._begun_us = time_us
        self._measured += 1

    def keep(self, measurement: Measurement) -> None:
        """Hold a measurement back until its group is committed."""
        if not self._measurements:
            self._since = time.monotonic()
        self._measurements.append(measurement)
        self._begun_us = None

    def tell(self, event: EventRevision) -> None:
        """Hold an event back; it is due at once."""
        self._events.append(event)

    def miss(self, paused: Loss) -> None:
        """Count windows that a reload kept from being heard: they were due, so that they count as measured and lost."""
        self._paused = paused
        self._measured += paused.windows

    def is_due(self, group: int, longest_s: float) -> bool:
        """Whether it is time for a commit: an event waits, or so many windows, or one so long."""
        return len(self._measurements) >= group or bool(self._events) or time.monotonic() - self._since > longest_s

    def commit(self, *, waits: bool = False) -> bool | None:
        """Commit all of it; ``waits`` lets other sensors join.

        Returns:
            Whether it is on the disk now; None if there was nothing.
        """
        self._since = time.monotonic()
        if not self._measurements and not self._events:
            return None
        try:
            self._tell_lost()
            measured = {self._sensor: self._measured}
            try:
                self._committer.commit(self._measurements, self._events, measured, waits=waits and not self._events)
            except UnstorableError:
                self._commit_singly()
        except SpoolError as error:
            self._lose(max(0, len(self._measurements) - _MAX_WAITING))
            self._lose_events()
            self._committer.refusals.refused(self._sensor, len(self._measurements), error)
            return False
        self._committer.refusals.taken(self._sensor)
        self._measurements, self._events, self._measured = [], [], 0
        return True

    def give_up(self) -> None:
        """Record what could not be stored until the end; a slice of the disk's reserve is for that."""
        self._settle()
        self._committer.refusals.given_up(self._sensor)
        lost, events = replace(self._lost), self._lost_events + len(self._events)
        for measurement in self._measurements:
            lost.add(measurement.time_us)
        if not lost.windows and not events:
            return
        try:
            if lost.windows:
                self._spool.count_dropped(self._sensor, lost.windows, lost.first_us, lost.last_us, is_last=True)
                self._lost, self._measurements = Loss(), []
            if events:
                self._spool.count_dropped_events(events, is_last=True)
                self._lost_events, self._events = 0, []
        except SpoolError as error:
            windows, events = self._lost.windows + len(self._measurements), self._lost_events + len(self._events)
            what = f"{windows} windows" + (f" and {events} events" if events else "")
            log.warning("%s: %s are lost: %s", self._sensor, what, error)

    def _settle(self) -> None:
        if self._begun_us is not None:
            self._lost.add(self._begun_us)
            self._begun_us = None

    def _commit_singly(self) -> None:
        """Find what cannot be stored whatever the disk does; the rest is not to wait for it.

        Raises:
            SpoolError: the disk is full or failing; what was stored until then is no longer pending.
        """

        def store(measurement: Measurement) -> None:
            rest = len(self._measurements) - 1
            self._committer.commit([measurement], [], {self._sensor: self._measured - rest})
            self._measured = rest

        self._singly(self._measurements, store, lambda measurement: self._lost.add(measurement.time_us))
        self._singly(self._events, lambda event: self._committer.commit([], [event], {}), self._lose_event)
        self._tell_lost()
        self._committer.commit([], [], {self._sensor: self._measured})

    def _singly(self, waiting: list[_T], store: Callable[[_T], None], lose: Callable[[_T], None]) -> None:
        while waiting:
            try:
                store(waiting[0])
            except UnstorableError as error:
                log.warning("%s: lost: %s", self._sensor, error)
                lose(waiting[0])
            del waiting[0]

    def _lose_event(self, _event: EventRevision) -> None:
        self._lost_events += 1

    def _lose(self, count: int) -> None:
        for measurement in self._measurements[:count]:
            self._lost.add(measurement.time_us)
        del self._measurements[:count]

    def _lose_events(self) -> None:
        """Keep the last revision of each event, which says all that those before it did, of the newest events."""
        last: dict[UUID, EventRevision] = {}
        for event in self._events:
            last.pop(event.id, None)
            last[event.id] = event
        self._lost_events += max(0, len(last) - _MAX_WAITING)
        self._events = list(last.values())[-_MAX_WAITING:]

    def _tell_lost(self) -> None:
        if self._paused.windows:
            lost = self._paused
            self._spool.count_dropped(self._sensor, lost.windows, lost.first_us, lost.last_us, reason=LossReason.PAUSED)
            self._paused = Loss()
        if self._lost.windows:
            self._spool.count_dropped(self._sensor, self._lost.windows, self._lost.first_us, self._lost.last_us)
            self._lost = Loss()
        if self._lost_events:
            self._spool.count_dropped_events(self._lost_events)
            self._lost_events = 0
