"""What the next batch holds, and when: fresh measurements first, the backlog behind them at a rate of its own."""

import time
from dataclasses import dataclass
from enum import Enum, auto
from uuid import UUID

from audiosense_agent.batches import MAX_EVENTS
from audiosense_agent.events import EventRevision
from audiosense_agent.isolation import Isolation, Kind, Remedy
from audiosense_agent.sections import CollectorSettings
from audiosense_agent.spool import Spool
from audiosense_agent.spool.flight import InFlight
from audiosense_agent.spool.gaps import Gap
from audiosense_agent.spool.rows import Measurement, SpoolStatus
from audiosense_common.wire_gaps import MAX_GAPS

_SECOND_S = 1.0
_RESCUE_EVERY = 3


class Lane(Enum):
    """Where a batch's measurements come from."""

    FRESH = auto()
    """The newest: nothing older than them was sent since."""
    BACKLOG = auto()
    """The oldest that wait behind them."""
    RESCUED = auto()
    """What a repair brought back, under the epochs of before; every third batch of the backlog.

    The first batch of a life is of its own epoch: the collector takes one without a token for nothing else.
    """


@dataclass(frozen=True, slots=True)
class Load:
    """What a batch is to hold.

    Attributes:
        measurements: in order of ``seq``, all of one epoch.
        events: with their row numbers.
        gaps: those to tell.
        status: the spool's.
        life: the spool's epoch.
        epoch: the measurements', where a repair brought them back; None: the spool's.
        rescued: first and last row number of these.
        withheld: row numbers of the sensors of which it holds nothing.
    """

    measurements: list[Measurement]
    events: list[tuple[int, EventRevision]]
    gaps: list[Gap]
    status: SpoolStatus
    life: UUID
    epoch: UUID | None = None
    rescued: tuple[int, int] = (0, 0)
    withheld: tuple[int, ...] = ()


_Chosen = tuple[UUID | None, list[Measurement], tuple[int, int]]
"""Measurements with their epoch, and with their first and last row number if they were rescued."""


class Bucket:
    """A token bucket: lets ``rate`` rows a second pass, and at most ``size`` of them at once."""

    def __init__(self, rate: float, size: int) -> None:
        self.size = size
        self._rate = rate
        self._filled = float(size)
        self._at = time.monotonic()

    def take(self, rows: int) -> None:
        """Take rows out, more than it holds too: the debt is waited for."""
        self._filled = self._level() - rows
        self._at = time.monotonic()

    def wait_s(self) -> float:
        """Return the seconds until it is full."""
        return max(0.0, (self.size - self._level()) / self._rate)

    def _level(self) -> float:
        return min(float(self.size), self._filled + (time.monotonic() - self._at) * self._rate)


class Lanes:
    """Chooses what the next batch holds.

    The fresh lane has its turn every ``batch_interval_s`` and takes the newest measurements that were not sent yet, at
    most a batch of them: whatever an outage has left in the spool, the next batch is about now. What it passes over,
    and what waited when the agent started, is the backlog. The oldest of it go in the time between, ``backlog_rate``
    measurements a second, so that a fleet that comes back does not flood its collector. Events go with either.

    While a refused measurement is looked for, smaller batches follow each other out of the lane that it was found in,
    in turns with batches of events.
    """

    def __init__(self, spool: Spool, settings: CollectorSettings) -> None:
        self.isolation = Isolation(settings.max_batch, MAX_EVENTS)
        self._spool = spool
        self._settings = settings
        burst = settings.backlog_rate * max(_SECOND_S, settings.batch_interval_s)
        self._bucket = Bucket(settings.backlog_rate, max(1, min(settings.max_batch, int(burst))))
        self._lane = Lane.FRESH
        self._life: UUID | None = None
        self._head = self._floor = 0
        self._withheld: tuple[int, ...] = ()
        self._waits = self._waits_rescued = False
        self._turn = self._measurements = 0
        self._fresh_due = self._heartbeat_due = 0.0

    @property
    def has_backlog(self) -> bool:
        """Whether more waits than what is new."""
        return self._waits or self._waits_rescued

    def hurry(self) -> None:
        """Send fresh measurements as soon as possible."""
        self._fresh_due = 0.0

    def speak(self) -> None:
        """Send as soon as possible, be it only a heartbeat."""
        self._fresh_due = self._heartbeat_due = 0.0

    def wait_s(self) -> float:
        """Return the seconds until the next batch is due."""
        due = min(self._fresh_due, self._heartbeat_due) - time.monotonic()
        return max(0.0, min(due, self._bucket.wait_s()) if self.has_backlog else due)

    def load(self) -> Load | None:
        """Return what the next batch is to hold; None while none is due.

        Raises:
            SpoolError: the spool cannot be read.
        """
        now = time.monotonic()
        if self.wait_s() > 0:
            return None
        is_fresh_due = now >= min(self._fresh_due, self._heartbeat_due)
        if is_fresh_due:
            self._fresh_due = now + self._settings.batch_interval_s
        status, life = self._spool.status(), self._spool.epoch
        withheld = self._spool.withheld()
        if life != self._life:
            self._life, self._head, self._floor = life, 0, 0
        if withheld != self._withheld:
            self._withheld, self._floor = withheld, 0
        epoch, rows, rescued, events = self._choose(status, is_fresh_due=is_fresh_due)
        self._measurements = len(rows)
        search = self.isolation
        tells = not (search.bare or search.probing or (search.is_active and (rows or events)))
        gaps = self._spool.read_gaps(MAX_GAPS) if tells else []
        if not (rows or events or gaps or self.isolation.probing) and now < self._heartbeat_due:
            return None
        return Load(rows, events, gaps, status, life, epoch, rescued, withheld)

    def accepted(self, batch: InFlight) -> None:
        """Note that a batch was acknowledged."""
        own = max(0, batch.high - batch.low + 1)
        if own:
            self._head = max(self._head, batch.high)
        if self._lane is not Lane.FRESH:
            # Their numbers may have holes, which cost the collector nothing.
            self._bucket.take(self._measurements)
        self._measurements = 0
        self.isolation.accepted(*_count(batch))
        self._heartbeat_due = time.monotonic() + self._settings.heartbeat_s
        if self.isolation.is_active or (self._lane is Lane.FRESH and batch.items >= self._settings.max_batch):
            self._fresh_due = 0.0
        self._lane = self._lane if self.isolation.is_active else Lane.FRESH

    def refused(self, batch: InFlight) -> Remedy:
        """Note that a batch was refused and say what to do about it; the next one is due at once."""
        self.hurry()
        return self.isolation.refused(*_count(batch))

    def _choose(self, status: SpoolStatus, *, is_fresh_due: bool) -> tuple[*_Chosen, list[tuple[int, EventRevision]]]:
        """Return the next batch's measurements and events; of one kind only while a refused item is looked for."""
        search = self.isolation
        if search.probing:
            return None, [], (0, 0), []
        if not search.is_active:
            return *self._read(status, is_fresh_due=is_fresh_due), self._spool.read_events(MAX_EVENTS)
        for kind in search.order:
            if kind is Kind.EVENTS:
                if events := self._spool.read_events(search.event_limit):
                    return None, [], (0, 0), events
            else:
                chosen = self._read(status, is_fresh_due=is_fresh_due)
                if chosen[1]:
                    return *chosen, []
            search.none_left(kind)
        return None, [], (0, 0), []

    def _read(self, status: SpoolStatus, *, is_fresh_due: bool) -> _Chosen:
        """Return the measurements of the first lane that has any, with their epoch and numbers if they were rescued."""
        self._waits_rescued = status.rescued > 0
        for lane in self._lanes(is_fresh_due=is_fresh_due):
            epoch, rows, rescued = None, list[Measurement](), (0, 0)
            if lane is not Lane.RESCUED:
                rows = self._read_lane(lane, status)
            else:
                if self._spool.get("token"):
                    epoch, rows, rescued = self._spool.read_rescued(min(self.isolation.limit, self._bucket.size))
                # Those that wait for the time of their boot are asked for again with the next fresh batch.
                self._waits_rescued = bool(rows)
            if rows:
                self._lane = lane
                return epoch, rows, rescued
        return None, [], (0, 0)

    def _lanes(self, *, is_fresh_due: bool) -> list[Lane]:
        """Return the lanes whose turn it is, the first one first; a search goes on in the lane where it began."""
        isolating = self.isolation.suspects_measurements
        lanes = [Lane.FRESH] if is_fresh_due else []
        if isolating or (self.has_backlog and self._bucket.wait_s() <= 0):
            self._turn = (self._turn + 1) % _RESCUE_EVERY
            lanes += [Lane.BACKLOG, Lane.RESCUED] if self._turn else [Lane.RESCUED, Lane.BACKLOG]
        if isolating and self._lane in lanes:
            lanes.remove(self._lane)
            lanes.insert(0, self._lane)
        return lanes

    def _read_lane(self, lane: Lane, status: SpoolStatus) -> list[Measurement]:
        limit = self.isolation.limit
        if lane is Lane.FRESH:
            due = status.rows - status.withheld
            rows = self._spool.read(limit, newest=True, after=self._head) if due > 0 else []
            self._waits = due > len(rows)
            return rows
        wanted = min(limit, self._bucket.size)
        rows = self._spool.read(wanted, after=self._floor, upto=self._head)
        self._waits = len(rows) >= wanted
        if self._withheld:
            # All before them are withheld ones, which are not to be stepped over again with each batch.
            self._floor = rows[0].seq - 1 if rows else self._head
        return rows


def _count(batch: InFlight) -> tuple[int, int]:
    """Return the most measurements that a batch holds, and its events."""
    events = len(batch.events)
    return batch.items - events, events
