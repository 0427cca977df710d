"""The spool: measurements and events on disk between scoring and sending, in SQLite (WAL, synchronous FULL)."""

import sqlite3
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from audiosense_agent.clock import is_provisional
from audiosense_agent.events import EventRevision
from audiosense_agent.spool import gaps, rows
from audiosense_agent.spool.age import AgeClock
from audiosense_agent.spool.boots import anchor, boot_id, boot_offset, hold, is_any_held
from audiosense_agent.spool.dead_letters import bury
from audiosense_agent.spool.events import hold_events, insert_event, select_events, select_open_events
from audiosense_agent.spool.file import slice_reserve
from audiosense_agent.spool.flight import InFlight, count_windows, put_in_flight, read_in_flight, remove
from audiosense_agent.spool.gaps import Gap, LossReason, Span
from audiosense_agent.spool.limits import Limits, drop_old, hold_bytes, is_full
from audiosense_agent.spool.rows import Measurement, SpoolStatus, read_status, sensor_id, take_out
from audiosense_agent.spool.serving import SpoolFile, on_a_fresh_file
from audiosense_agent.spool.values import count, damage, get, put
from audiosense_agent.spool.withheld import count_rows, numbers_of

_LOOK_FOR_OLD_S = 60.0
_FULL_CHECK_ROWS = 64


class Spool(SpoolFile):
    """Keeps what was heard until the collector acknowledged it; safe for use by several threads.

    Sequence numbers come from AUTOINCREMENT: none is ever used again, not even after its row was deleted. A file that
    is corrupt or of a newer version is set aside under another name; a new one, with a new epoch, takes its place: at
    opening, or when the damage is met.

    Every method raises SpoolError where the disk is full or failing; then nothing of the call was done.
    """

    def __init__(self, path: Path, limits: Limits | None = None) -> None:
        super().__init__(path)
        self._limits = limits or Limits()
        self._age = AgeClock()
        self._next_look_s = 0.0
        self._boot: str | None = None
        self._withheld: frozenset[str] = frozenset()

    @on_a_fresh_file
    def append(
        self,
        measurements: Sequence[Measurement],
        events: Sequence[EventRevision] = (),
        measured: Mapping[str, int] | None = None,
    ) -> list[int]:
        """Commit measurements and event revisions together; return the sequence numbers of those that were stored.

        Where the spool is full, the oldest measurements are dropped or the new ones refused, as the policy says; either
        is recorded as a gap. ``measured`` adds to the number of windows that each sensor heard, whatever became of
        them.
        """
        with self._transaction() as db:
            reference_us = None
            if time.monotonic() >= self._next_look_s:
                self._next_look_s = time.monotonic() + _LOOK_FOR_OLD_S
                reference_us = self._age.advance(db)
            numbers = self._insert(db, measurements)
            boot = self._hold(db, measurements, numbers, events)
            for event in events:
                insert_event(db, event, boot)
            for name, more in (measured or {}).items():
                db.execute("UPDATE sensor SET measured = measured + ? WHERE id = ?", (more, sensor_id(db, name)))
            count(db, "rows", len(numbers))
            hold_events(db)
            hold_bytes(db, self._limits)
            drop_old(db, self._limits, reference_us)
        return numbers

    @on_a_fresh_file
    def begin_boot(self, boot: str) -> int | None:
        """Name the boot whose steady clock tells the time of provisional rows from now on.

        Returns:
            UTC less its steady clock in microseconds, if that was found before; else None.
        """
        self._boot = boot
        with self._transaction() as db:
            return boot_offset(db, boot)

    @on_a_fresh_file
    def anchor(self, offset_us: int) -> bool:
        """Give what waits for its time that time, now that UTC less the steady clock is known; say whether any did."""
        if self._boot is None:
            return False
        with self._transaction() as db:
            if not is_any_held(db):
                return False
            for event in anchor(db, boot_id(db, self._boot), offset_us):
                insert_event(db, event)
        return True

    @on_a_fresh_file
    def note_sensor(self, name: str, registration: str | None = None, source: str | None = None) -> None:
        """Keep how a sensor is registered (JSON) and what its source says of itself."""
        with self._transaction() as db:
            db.execute(
                "UPDATE sensor SET registration = coalesce(?, registration), source = coalesce(?, source) WHERE id = ?",
                (registration, source, sensor_id(db, name)),
            )

    @on_a_fresh_file
    def registrations(self) -> dict[str, str]:
        """Registrations (JSON) of all sensors that this spool ever held, by name."""
        with self._transaction() as db:
            found = dict(db.execute("SELECT name, registration FROM sensor WHERE registration IS NOT NULL").fetchall())
        return {name: text for name, text in found.items() if rows.is_registration(text)}

    @on_a_fresh_file
    def last_time_us(self, sensor: str) -> int | None:
        """Start of the last window that was spooled of a sensor, sent or not."""
        with self._transaction() as db:
            row = db.execute("SELECT last_time_us FROM sensor WHERE name = ?", (sensor,)).fetchone()
        return None if row is None else row[0]

    @on_a_fresh_file
    def open_events(self) -> list[EventRevision]:
        """The last revision of each event that was never closed."""
        with self._transaction() as db:
            return select_open_events(db)

    def withhold(self, names: Collection[str]) -> None:
        """From now on give no measurements and events of these sensors: they wait here until they may be sent."""
        self._withheld = frozenset(names)

    @on_a_fresh_file
    def withheld(self) -> tuple[int, ...]:
        """Row numbers of the sensors of which nothing is given, for the batch that is made without them."""
        with self._transaction() as db:
            return numbers_of(db, self._withheld)

    @on_a_fresh_file
    def read(self, limit: int, *, newest: bool = False, after: int = 0, upto: int | None = None) -> list[Measurement]:
        """Return up to ``limit`` measurements in order of ``seq``: the oldest, or the newest, after one, up to one.

        Rows that fail their checksum are taken out and recorded as a gap.
        """
        with self._transaction() as db:
            withheld = numbers_of(db, self._withheld)
            good, bad = rows.select(db, limit, newest=newest, after=after, upto=upto, withheld=withheld)
            chosen = "seq IN (SELECT value FROM json_each(?))"
            if bad and take_out(db, chosen, (rows.as_list(bad),), LossReason.DAMAGED) < len(bad):
                raise damage("rows are not where their numbers say")
        return good

    @on_a_fresh_file
    def read_rescued(self, limit: int) -> tuple[UUID | None, list[Measurement], tuple[int, int]]:
        """Return up to ``limit`` measurements that a repair took out of a file set aside, all of one epoch.

        Returns:
            Their epoch, they themselves, and their first and last row number, which a batch of them keeps.
        """
        with self._transaction() as db:
            return rows.select_rescued(db, limit, numbers_of(db, self._withheld))

    @on_a_fresh_file
    def read_gaps(self, limit: int) -> list[Gap]:
        """Return up to ``limit`` gaps that were not told yet, the oldest first."""
        with self._transaction() as db:
            gaps.take_out_damaged(db)
            return gaps.select_gaps(db, limit)

    @on_a_fresh_file
    def read_events(self, limit: int) -> list[tuple[int, EventRevision]]:
        """Return up to ``limit`` event revisions with their row numbers, oldest first.

        Damaged ones are taken out and counted as dropped.
        """
        with self._transaction() as db:
            good, bad = select_events(db, limit, self._withheld)
            if bad:
                db.executemany("DELETE FROM event WHERE id = ?", [(number,) for number in bad])
                count(db, "dropped", len(bad))
        return good

    @on_a_fresh_file
    def in_flight(self) -> InFlight | None:
        """The batch that waits for its answer, if any."""
        with self._transaction() as db:
            return read_in_flight(db)

    @on_a_fresh_file
    def put_in_flight(self, batch: InFlight, windows: int | None = None, told: Sequence[Gap] = ()) -> bool:
        """Keep a batch's exact bytes before it is first sent.

        Args:
            batch: what was made of what was read.
            windows: how many measurements it holds; where some of them gave way meanwhile, it must not be sent.
            told: the gaps that it tells; where one of them grew meanwhile, it must not be sent either.

        Returns:
            Whether it was kept; if not, another is to be made.
        """
        with self._transaction() as db:
            if not self._is_of_this_life(db, batch):
                return False
            if windows is not None and windows != count_windows(db, batch):
                return False
            if told and gaps.select_gaps(db, len(told)) != list(told):
                return False
            put_in_flight(db, batch)
        return True

    @on_a_fresh_file
    def acknowledge(self, /, batch: InFlight, *, server_us: int | None = None, **values: str) -> None:
        """Delete what a batch carried and store the token (and other ``values``) of its answer, in one transaction.

        A batch of a spool that was set aside meanwhile acknowledges nothing of this one. ``server_us`` is the
        collector's clock now: ages are judged by it from here on, and it is kept under that name.
        """
        with self._transaction(deleting=True) as db:
            if not self._is_of_this_life(db, batch):
                return
            remove(db, batch)
            put(db, values)
            if server_us is not None:
                put(db, {"server_us": str(server_us)})
                self._age.set(db, server_us)

    @on_a_fresh_file
    def forget_in_flight(self) -> None:
        """Give up a batch that the collector refused whole; its rows stay."""
        with self._transaction(deleting=True) as db:
            db.execute("DELETE FROM in_flight")

    @on_a_fresh_file
    def bury(self, batch: InFlight, reason: str) -> None:
        """Move what a batch carried to the dead letters, the newest of which are kept."""
        with self._transaction(deleting=True) as db:
            if self._is_of_this_life(db, batch):
                bury(db, batch, reason, self._limits.max_dead_letters)

    @on_a_fresh_file
    def dead_letters(self) -> list[tuple[str, str, str]]:
        """Kind, content (JSON) and reason of what the collector refused, oldest first."""
        with self._transaction() as db:
            return db.execute("SELECT kind, content, reason FROM dead_letter ORDER BY id").fetchall()

    @on_a_fresh_file
    def bind(self, agent: str) -> None:
        """Tie the spool to an identity: with another one, token and batch in flight of the old one are void."""
        if self.get("agent") == agent:
            return
        with self._transaction() as db:
            db.execute("DELETE FROM in_flight")
            put(db, {"agent": agent, "token": ""})

    @on_a_fresh_file
    def count_dropped(
        self,
        sensor: str,
        windows: int,
        first_us: int | None,
        last_us: int | None,
        *,
        is_last: bool = False,
        reason: LossReason = LossReason.NOT_STORED,
    ) -> None:
        """Record windows that were lost before they could be stored.

        A full disk's reserve is for deleting; only what is told at the end gets a slice of it.
        """
        if is_last:
            slice_reserve(self.path)
        with self._transaction() as db:
            gaps.record(db, sensor_id(db, sensor), reason, windows, Span(first_us, last_us))

    @on_a_fresh_file
    def count_dropped_events(self, events: int, *, is_last: bool = False) -> None:
        """Count events that were lost before they could be stored; at the end a full disk's reserve is sliced."""
        if is_last:
            slice_reserve(self.path)
        with self._transaction() as db:
            count(db, "dropped", events)

    @on_a_fresh_file
    def status(self) -> SpoolStatus:
        """Count rows, bytes and losses."""
        with self._transaction() as db:
            found = read_status(db)
            return replace(found, withheld=count_rows(db, self._withheld)) if self._withheld else found

    def _insert(self, db: sqlite3.Connection, measurements: Sequence[Measurement]) -> list[int]:
        numbers: list[int] = []
        first, refuses = rows.next_number(db), False
        for place, measurement in enumerate(measurements):
            if place % _FULL_CHECK_ROWS == 0:
                refuses = is_full(db, self._limits)
            if refuses:
                rows.refuse(db, measurement)
            else:
                numbers.append(first + len(numbers))
                rows.insert(db, measurement, numbers[-1])
        return numbers

    def _hold(
        self,
        db: sqlite3.Connection,
        measurements: Sequence[Measurement],
        numbers: Sequence[int],
        events: Sequence[EventRevision],
    ) -> int | None:
        """Mark what was heard before the clock was right; return the boot that its time counts from, if any was."""
        held = [number for number, row in zip(numbers, measurements, strict=False) if is_provisional(row.time_us)]
        if self._boot is None or not (held or any(is_provisional(event.start_us) for event in events)):
            return None
        boot = boot_id(db, self._boot)
        hold(db, boot, held)
        return boot

    def _is_of_this_life(self, db: sqlite3.Connection, batch: InFlight) -> bool:
        return batch.life is not None and str(batch.life) == get(db, "epoch")
