"""The spool: measurements and events on disk between scoring and sending, in SQLite (WAL, synchronous FULL)."""

import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from uuid import UUID

from audiosense_agent.clock import is_provisional
from audiosense_agent.errors import SpoolError
from audiosense_agent.events import EventRevision
from audiosense_agent.spool_clock import anchor, boot_id, boot_offset, hold, is_any_held
from audiosense_agent.spool_file import give_reserve, is_damage, open_spool_file, set_aside, take_reserve
from audiosense_agent.spool_rows import (
    InFlight,
    Measurement,
    SpoolStatus,
    count,
    insert,
    insert_event,
    put,
    read_status,
    select,
    select_events,
    select_open_events,
    sensor_id,
    used_bytes,
)


class Spool:
    """Keeps what was heard until the collector acknowledged it; safe for use by several threads.

    Sequence numbers come from AUTOINCREMENT: none is ever used again, not even after its row was deleted. A file that
    is corrupt or of a newer version is set aside under another name; a new one, with a new epoch, takes its place.

    Every method raises SpoolError where the disk is full or failing; then nothing of the call was done.
    """

    def __init__(self, path: Path, *, max_bytes: int = 512 * 2**20, max_dead_letters: int = 1_000) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._max_dead_letters = max_dead_letters
        self._lock = threading.RLock()
        self._boot: str | None = None
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = open_spool_file(path)

    def close(self) -> None:
        """Close the file; everything committed is in it."""
        with self._lock:
            self._db.close()

    @property
    def epoch(self) -> UUID:
        """This spool's life."""
        return UUID(self.get("epoch"))

    @property
    def previous_epoch(self) -> UUID | None:
        """The life before, where a spool was lost or had to be set aside."""
        found = self.get("previous_epoch")
        return UUID(found) if found else None

    def get(self, key: str) -> str:
        """Return a stored value, or ``""``."""
        with self._transaction() as db:
            row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return "" if row is None else str(row[0])

    def put(self, **values: str) -> None:
        """Store values durably."""
        with self._transaction() as db:
            put(db, values)

    def append(
        self,
        measurements: Sequence[Measurement],
        events: Sequence[EventRevision] = (),
        measured: Mapping[str, int] | None = None,
    ) -> list[int]:
        """Commit measurements and event revisions together; return the sequence numbers.

        Beyond the cap the oldest measurements are dropped, and counted. ``measured`` adds to the number of windows that
        each sensor heard, whatever became of them.
        """
        with self._transaction() as db:
            numbers = [insert(db, measurement) for measurement in measurements]
            held = [number for number, row in zip(numbers, measurements, strict=True) if is_provisional(row.time_us)]
            boot = None
            if self._boot is not None and (held or any(is_provisional(event.start_us) for event in events)):
                boot = boot_id(db, self._boot)
                hold(db, boot, held)
            for event in events:
                insert_event(db, event, boot)
            for name, more in (measured or {}).items():
                db.execute("UPDATE sensor SET measured = measured + ? WHERE id = ?", (more, sensor_id(db, name)))
            count(db, "rows", len(numbers))
            self._hold_cap(db)
        return numbers

    def begin_boot(self, boot: str) -> int | None:
        """Name the boot whose steady clock tells the time of provisional rows from now on.

        Returns:
            UTC less its steady clock in microseconds, if that was found before; else None.
        """
        self._boot = boot
        with self._transaction() as db:
            return boot_offset(db, boot)

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

    def note_sensor(self, name: str, registration: str | None = None, source: str | None = None) -> None:
        """Keep how a sensor is registered (JSON) and what its source says of itself."""
        with self._transaction() as db:
            db.execute(
                "UPDATE sensor SET registration = coalesce(?, registration), source = coalesce(?, source) WHERE id = ?",
                (registration, source, sensor_id(db, name)),
            )

    def registrations(self) -> dict[str, str]:
        """Registrations (JSON) of all sensors that this spool ever held, by name."""
        with self._transaction() as db:
            return dict(db.execute("SELECT name, registration FROM sensor WHERE registration IS NOT NULL").fetchall())

    def last_time_us(self, sensor: str) -> int | None:
        """Start of the last window that was spooled of a sensor, sent or not."""
        with self._transaction() as db:
            row = db.execute("SELECT last_time_us FROM sensor WHERE name = ?", (sensor,)).fetchone()
        return None if row is None else row[0]

    def open_events(self) -> list[EventRevision]:
        """The last revision of each event that was never closed."""
        with self._transaction() as db:
            return select_open_events(db)

    def read(self, limit: int, *, newest: bool = False, after: int = 0, upto: int | None = None) -> list[Measurement]:
        """Return up to ``limit`` measurements in order of ``seq``: the oldest, or the newest, after one, up to one.

        Rows that fail their checksum are taken out and counted as dropped.
        """
        with self._transaction() as db:
            good, bad = select(db, limit, newest=newest, after=after, upto=upto)
            if bad:
                db.executemany("DELETE FROM measurement WHERE seq = ?", [(seq,) for seq in bad])
                _count_lost(db, len(bad))
        return good

    def read_events(self, limit: int) -> list[tuple[int, EventRevision]]:
        """Return up to ``limit`` event revisions with their row numbers, oldest first.

        Damaged ones are taken out and counted as dropped.
        """
        with self._transaction() as db:
            good, bad = select_events(db, limit)
            if bad:
                db.executemany("DELETE FROM event WHERE id = ?", [(number,) for number in bad])
                count(db, "dropped", len(bad))
        return good

    def in_flight(self) -> InFlight | None:
        """The batch that waits for its answer, if any."""
        with self._transaction() as db:
            row = db.execute("SELECT body, low, high, events FROM in_flight").fetchone()
        return None if row is None else InFlight(row[0], row[1], row[2], tuple(json.loads(row[3])))

    def put_in_flight(self, batch: InFlight) -> None:
        """Keep a batch's exact bytes before it is first sent."""
        with self._transaction() as db:
            db.execute("DELETE FROM in_flight")
            db.execute(
                "INSERT INTO in_flight (id, body, low, high, events) VALUES (1, ?, ?, ?, ?)",
                (batch.body, batch.low, batch.high, json.dumps(batch.events)),
            )

    def acknowledge(self, batch: InFlight, **values: str) -> None:
        """Delete what a batch carried and store the token (and other ``values``) of its answer, in one transaction."""
        with self._transaction(deleting=True) as db:
            _delete(db, batch)
            put(db, values)

    def forget_in_flight(self) -> None:
        """Give up a batch that the collector refused whole; its rows stay."""
        with self._transaction(deleting=True) as db:
            db.execute("DELETE FROM in_flight")

    def bury(self, batch: InFlight, reason: str) -> None:
        """Move what a batch carried to the dead letters, the newest of which are kept."""
        now_us = time.time_ns() // 1_000
        with self._transaction(deleting=True) as db:
            buried = db.execute(
                "INSERT INTO dead_letter (kind, content, reason, buried_us) SELECT 'measurement',"
                " json_object('seq', seq, 'sensor', sensor, 'time_us',"
                " time_us + coalesce((SELECT offset_us FROM boot WHERE id = measurement.boot), 0),"
                " 'score', score, 'status', status,"
                " 'model', model, 'level_dbfs', level_dbfs, 'dominant_hz', dominant_hz, 'schema', schema_id,"
                " 'features', hex(features), 'reasons', reasons), ?, ? FROM measurement WHERE seq BETWEEN ? AND ?",
                (reason, now_us, batch.low, batch.high),
            ).rowcount
            for row in batch.events:
                buried += db.execute(
                    "INSERT INTO dead_letter (kind, content, reason, buried_us) SELECT 'event', content, ?, ?"
                    " FROM event WHERE id = ?",
                    (reason, now_us, row),
                ).rowcount
            count(db, "dead_letters", buried)
            _delete(db, batch)
            db.execute(
                "DELETE FROM dead_letter WHERE id <= (SELECT max(id) FROM dead_letter) - ?", (self._max_dead_letters,)
            )

    def dead_letters(self) -> list[tuple[str, str, str]]:
        """Kind, content (JSON) and reason of what the collector refused, oldest first."""
        with self._transaction() as db:
            return db.execute("SELECT kind, content, reason FROM dead_letter ORDER BY id").fetchall()

    def bind(self, agent: str) -> None:
        """Tie the spool to an identity: with another one, token and batch in flight of the old one are void."""
        if self.get("agent") == agent:
            return
        with self._transaction() as db:
            db.execute("DELETE FROM in_flight")
            put(db, {"agent": agent, "token": ""})

    def count_dropped(self, windows: int) -> None:
        """Count windows that were lost before they could be stored."""
        with self._transaction() as db:
            count(db, "dropped", windows)

    def status(self) -> SpoolStatus:
        """Count rows, bytes and losses."""
        with self._transaction() as db:
            return read_status(db)

    def _hold_cap(self, db: sqlite3.Connection) -> None:
        used = used_bytes(db)
        if used <= self._max_bytes:
            return
        low, high = db.execute("SELECT min(seq), max(seq) FROM measurement").fetchone()
        if low is None:
            return
        span = high - low + 1
        surplus = int(span * (used - self._max_bytes) / used) + span // 50 + 1
        dropped = db.execute(
            "DELETE FROM measurement WHERE seq < ? AND NOT EXISTS"
            " (SELECT 1 FROM in_flight WHERE measurement.seq BETWEEN low AND high)",
            (min(low + surplus, high),),
        ).rowcount
        _count_lost(db, dropped)

    @contextlib.contextmanager
    def _transaction(self, *, deleting: bool = False) -> Iterator[sqlite3.Connection]:
        """Run statements in one transaction; a damaged file is set aside.

        On a full disk, deletions get the reserve.
        """
        with self._lock:
            if deleting:
                give_reserve(self.path, self._db)
            try:
                with self._db:
                    self._db.execute("BEGIN")
                    yield self._db
            except sqlite3.Error as error:
                raise self._explain(error) from None
            finally:
                if deleting:
                    take_reserve(self.path)

    def _explain(self, error: sqlite3.Error) -> SpoolError:
        if not is_damage(error):
            return SpoolError(f"the spool {self.path} cannot be written: {error}; free space on its disk")
        self._db.close()
        lost = set_aside(self.path)
        self._db = open_spool_file(self.path)
        with self._transaction() as db:
            count(db, "set_aside", 1)
            count(db, "dropped", lost)
        return SpoolError(f"the spool {self.path} was damaged ({error}) and set aside; a new one serves")


def _delete(db: sqlite3.Connection, batch: InFlight) -> None:
    deleted = db.execute("DELETE FROM measurement WHERE seq BETWEEN ? AND ?", (batch.low, batch.high)).rowcount
    count(db, "rows", -deleted)
    db.executemany("DELETE FROM event WHERE id = ?", [(row,) for row in batch.events])
    db.execute("DELETE FROM in_flight")


def _count_lost(db: sqlite3.Connection, rows: int) -> None:
    count(db, "rows", -rows)
    count(db, "dropped", rows)
