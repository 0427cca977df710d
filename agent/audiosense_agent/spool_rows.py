"""The spool's tables and what one row holds."""

import contextlib
import sqlite3
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from audiosense_agent.events import EventRevision
from audiosense_agent.spool_clock import EVENT_MARK, held_from, hold_event
from audiosense_agent.spool_events import dump_event, load_event
from audiosense_common.wire import EventState, Reason, Status

VERSION = 1
"""Grows when an older agent can no longer use the file; columns that it leaves alone are in ``ADDED_COLUMNS``."""
SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE sensor (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, registration TEXT, source TEXT,
    last_time_us INTEGER, last_score REAL, last_status TEXT, model TEXT, measured INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE measurement (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, sensor INTEGER NOT NULL, time_us INTEGER NOT NULL, score REAL,
    status TEXT NOT NULL, model TEXT, level_dbfs REAL NOT NULL, dominant_hz REAL NOT NULL, schema_id TEXT NOT NULL,
    features BLOB NOT NULL, crc INTEGER NOT NULL
);
CREATE TABLE event (id INTEGER PRIMARY KEY AUTOINCREMENT, content TEXT NOT NULL);
CREATE TABLE open_event (event TEXT PRIMARY KEY, content TEXT NOT NULL);
CREATE TABLE in_flight (
    id INTEGER PRIMARY KEY CHECK (id = 1), body BLOB NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL,
    events TEXT NOT NULL
);
CREATE TABLE dead_letter (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, content TEXT NOT NULL, reason TEXT NOT NULL,
    buried_us INTEGER NOT NULL
);
"""
ADDED_COLUMNS = (
    ("measurement", "reasons", "TEXT"),
    ("measurement", "reasons_crc", "INTEGER"),
    ("sensor", "last_reasons", "TEXT"),
    ("measurement", "boot", "INTEGER"),
)
"""Columns since the first release, null in its rows. The checksum of a row does not cover them: either release reads
the other's rows."""

_DAMAGE = (ValueError, TypeError, KeyError)
"""What reading a damaged event raises."""
_MAX_SEQ = 2**63 - 1
_REASONS = TypeAdapter(list[Reason])
_SELECT = """
SELECT b.offset_us, b.estimated, m.reasons, m.reasons_crc, m.seq, s.name, m.time_us, m.score, m.status, m.model,
m.level_dbfs, m.dominant_hz, m.schema_id, m.features, m.crc
FROM measurement m LEFT JOIN sensor s ON s.id = m.sensor
LEFT JOIN boot b ON b.id = m.boot
"""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one window of a sensor gave; ``seq`` is 0 until it is spooled.

    ``features`` is the vector (d,) float16 of schema ``schema_id``, exactly as it was scored. ``reasons`` say how an
    anomalous window differs from the baseline, null for any other. ``is_time_estimated`` where the computer was
    switched off before its clock was ever right.
    """

    sensor: str
    time_us: int
    score: float | None
    status: Status
    model: str | None
    level_dbfs: float
    dominant_hz: float
    schema_id: str
    features: NDArray[np.float16]
    reasons: tuple[Reason, ...] | None = None
    seq: int = 0
    is_time_estimated: bool = False


@dataclass(frozen=True, slots=True)
class InFlight:
    """A batch that was made and not yet answered: its exact bytes and what an answer to it acknowledges.

    Attributes:
        body: compressed with zstd, as it goes over the wire.
        low: first ``seq`` of its measurements, ``high``: the last; none if low > high.
        events: row numbers of its events.
    """

    body: bytes
    low: int
    high: int
    events: tuple[int, ...]

    @property
    def items(self) -> int:
        """Most measurements and events that it holds; 0 for a mere heartbeat."""
        return max(0, self.high - self.low + 1) + len(self.events)


@dataclass(frozen=True, slots=True)
class SpoolStatus:
    """How full the spool is, and what it had to drop or set aside since it was made."""

    rows: int = 0
    events: int = 0
    bytes: int = 0
    dropped: int = 0
    dead_letters: int = 0
    set_aside: int = 0


def insert(db: sqlite3.Connection, measurement: Measurement) -> int:
    """Store a measurement and return its sequence number."""
    sensor = sensor_id(db, measurement.sensor)
    values = (
        measurement.time_us,
        measurement.score,
        measurement.status.value,
        measurement.model,
        measurement.level_dbfs,
        measurement.dominant_hz,
        measurement.schema_id,
        np.ascontiguousarray(measurement.features, dtype="<f2").tobytes(),
    )
    reasons = None if measurement.reasons is None else dump_reasons(measurement.reasons)
    reasons_crc = None if reasons is None else zlib.crc32(reasons.encode())
    number = db.execute(
        "INSERT INTO measurement (sensor, time_us, score, status, model, level_dbfs, dominant_hz, schema_id, features,"
        " crc, reasons, reasons_crc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (sensor, *values, _checksum((measurement.sensor, *values)), reasons, reasons_crc),
    ).lastrowid
    db.execute(
        "UPDATE sensor SET last_time_us = ?, last_score = ?, last_status = ?, model = ?, last_reasons = ? WHERE id = ?",
        (*values[:4], reasons, sensor),
    )
    assert number is not None
    return number


def select(
    db: sqlite3.Connection, limit: int, *, newest: bool, after: int = 0, upto: int | None = None
) -> tuple[list[Measurement], list[int]]:
    """Return up to ``limit`` measurements in order of ``seq``, and the numbers of rows that fail their checksum.

    From the first on whose time is not known, none is given.
    """
    order = "DESC" if newest else "ASC"
    held = held_from(db)
    last = min(_MAX_SEQ if upto is None else upto, _MAX_SEQ if held is None else held - 1)
    rows = db.execute(
        f"{_SELECT} WHERE m.seq > ? AND m.seq <= ? ORDER BY m.seq {order} LIMIT ?", (after, last, limit)
    ).fetchall()
    good = [_load(row) for row in rows if _checksum(row[5:-1]) == row[-1]]
    bad = [row[4] for row in rows if _checksum(row[5:-1]) != row[-1]]
    return sorted(good, key=lambda measurement: measurement.seq), bad


def insert_event(db: sqlite3.Connection, event: EventRevision, boot: int | None = None) -> None:
    """Store an event revision; the last one of each open event is kept until the event is closed.

    ``boot`` is the one whose steady clock told the event's time, if that is provisional.
    """
    event, held_by = (event, None) if boot is None else hold_event(db, boot, event)
    content = dump_event(event, held_by)
    db.execute("INSERT INTO event (content) VALUES (?)", (content,))
    if event.state is EventState.CLOSE:
        db.execute("DELETE FROM open_event WHERE event = ?", (str(event.id),))
    else:
        db.execute("INSERT OR REPLACE INTO open_event (event, content) VALUES (?, ?)", (str(event.id), content))


def dump_reasons(reasons: Sequence[Reason]) -> str:
    """Return reasons as the JSON that a row keeps."""
    return _REASONS.dump_json(list(reasons), exclude_none=True).decode()


def load_reasons(content: str) -> tuple[Reason, ...]:
    """Read reasons back.

    Raises:
        ValueError: damaged.
    """
    return tuple(_REASONS.validate_json(content))


def select_events(db: sqlite3.Connection, limit: int) -> tuple[list[tuple[int, EventRevision]], list[int]]:
    """Return up to ``limit`` event revisions with their row numbers, oldest first, and the numbers of damaged ones.

    Those whose time is not known wait.
    """
    good, bad = [], []
    query = "SELECT id, content FROM event WHERE NOT instr(content, ?) ORDER BY id LIMIT ?"
    for number, content in db.execute(query, (EVENT_MARK, limit)):
        try:
            good.append((number, load_event(content)))
        except _DAMAGE:
            bad.append(number)
    return good, bad


def select_open_events(db: sqlite3.Connection) -> list[EventRevision]:
    """Return the last revision of each open event; one that is damaged cannot be closed and is left out.

    Those whose time is not known are closed when it is.
    """
    found = []
    for (content,) in db.execute("SELECT content FROM open_event WHERE NOT instr(content, ?)", (EVENT_MARK,)):
        with contextlib.suppress(*_DAMAGE):
            found.append(load_event(content))
    return found


def sensor_id(db: sqlite3.Connection, name: str) -> int:
    """Return a sensor's row number, made on first use."""
    row = db.execute("SELECT id FROM sensor WHERE name = ?", (name,)).fetchone()
    if row is None:
        row = (db.execute("INSERT INTO sensor (name) VALUES (?)", (name,)).lastrowid,)
    return int(row[0])


def put(db: sqlite3.Connection, values: dict[str, str]) -> None:
    """Store values by key."""
    db.executemany(
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        list(values.items()),
    )


def count(db: sqlite3.Connection, name: str, more: int) -> None:
    """Add to a counter."""
    db.execute(
        "INSERT INTO counter (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
        (name, more),
    )


def read_status(db: sqlite3.Connection) -> SpoolStatus:
    """Return rows, bytes and losses."""
    counters = dict(db.execute("SELECT name, value FROM counter"))
    (events,) = db.execute("SELECT count(*) FROM event").fetchone()
    return SpoolStatus(
        rows=counters.get("rows", 0),
        events=events,
        bytes=used_bytes(db),
        dropped=counters.get("dropped", 0),
        dead_letters=counters.get("dead_letters", 0),
        set_aside=counters.get("set_aside", 0),
    )


def used_bytes(db: sqlite3.Connection) -> int:
    """Return the bytes of pages in use; pages freed by deletions are used again first."""
    pages, free, size = (
        db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _load(row: tuple[Any, ...]) -> Measurement:
    offset_us, estimated, reasons, reasons_crc, seq, sensor, time_us, *scored, schema_id, features, _ = row
    score, status, model, level, dominant = scored
    vector = np.frombuffer(features, dtype="<f2").astype(np.float16)
    told = _load_intact(reasons, reasons_crc)
    return Measurement(
        sensor=sensor,
        time_us=time_us + (offset_us or 0),
        score=score,
        status=Status(status),
        model=model,
        level_dbfs=level,
        dominant_hz=dominant,
        schema_id=schema_id,
        features=vector,
        reasons=told,
        seq=seq,
        is_time_estimated=bool(estimated),
    )


def _load_intact(content: Any, crc: Any) -> tuple[Reason, ...] | None:
    """Read a row's reasons; damaged ones are left out, for the measurement itself is whole."""
    if not isinstance(content, str) or zlib.crc32(content.encode("utf-8", "replace")) != crc:
        return None
    return load_reasons(content)


def _checksum(values: tuple[Any, ...]) -> int:
    """CRC-32 over a row: SQLite itself does not notice bits that flip inside a value."""
    return zlib.crc32(repr(values).encode("utf-8", "replace"))
