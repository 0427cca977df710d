"""Rows of the spool: one for each window that waits."""

import itertools
import json
import sqlite3
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from audiosense_agent.spool.boots import held_from
from audiosense_agent.spool.gaps import LossReason, Span, record
from audiosense_agent.spool.values import count
from audiosense_agent.spool.withheld import OTHERS
from audiosense_common.wire import Reason, Status
from audiosense_common.wire_enrolment import SensorRegistration

NOT_IN_FLIGHT = "NOT EXISTS (SELECT 1 FROM in_flight WHERE seq BETWEEN in_flight.low AND in_flight.high)"
"""Condition on rows of ``measurement`` that no batch in flight carries."""
RESCUED_ROWS = "rescued_rows"
"""Counter of rows that a repair brought back and that wait."""
_REASONS = TypeAdapter(list[Reason])
COLUMNS = (
    "{0}.seal, {0}.reasons, {0}.reasons_crc, {0}.seq, s.name, {0}.time_us, {0}.score, {0}.status, {0}.model,"
    " {0}.level_dbfs, {0}.dominant_hz, {0}.schema_id, {0}.features, {0}.crc"
)
_SELECT = f"""
SELECT b.offset_us, b.estimated, {COLUMNS.format("m")} FROM measurement m LEFT JOIN sensor s ON s.id = m.sensor
LEFT JOIN boot b ON b.id = m.boot
"""
_MAX_SEQ = 2**63 - 1
_SELECT_RESCUED = f"""
SELECT b.offset_us, b.estimated, {COLUMNS.format("r")}, r.id, r.epoch, r.boot FROM rescued r
LEFT JOIN sensor s ON s.id = r.sensor LEFT JOIN boot b ON b.id = r.boot
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
class SpoolStatus:
    """How full the spool is, and what it had to drop or set aside since it was made.

    Attributes:
        rows: measurements that wait.
        events: event revisions that wait.
        bytes: of pages in use.
        dropped: measurements and events that were lost here, for whatever reason.
        dead_letters: measurements and events that the collector refused.
        set_aside: damaged files that were replaced.
        rescued: measurements of files set aside that wait to be sent.
        withheld: those among ``rows`` that wait until the collector registers their sensor.
        lost: windows lost or refused, by reason; ``rescued`` of them came back.
    """

    rows: int = 0
    events: int = 0
    bytes: int = 0
    dropped: int = 0
    dead_letters: int = 0
    set_aside: int = 0
    rescued: int = 0
    withheld: int = 0
    lost: dict[str, int] = field(default_factory=dict)


def next_number(db: sqlite3.Connection) -> int:
    """Return the sequence number that the next measurement gets: one that no other ever had."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'measurement'").fetchone()
    return 1 if row is None else int(row[0]) + 1


def insert(db: sqlite3.Connection, measurement: Measurement, seq: int) -> None:
    """Store a measurement under its sequence number."""
    sensor = sensor_id(db, measurement.sensor)
    values = _values(measurement)
    reasons = None if measurement.reasons is None else dump_reasons(measurement.reasons)
    reasons_crc = None if reasons is None else zlib.crc32(reasons.encode())
    crc = checksum((measurement.sensor, *values))
    db.execute(
        "INSERT INTO measurement (seq, sensor, time_us, score, status, model, level_dbfs, dominant_hz, schema_id,"
        " features, crc, reasons, reasons_crc, seal) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (seq, sensor, *values, crc, reasons, reasons_crc, seal(seq, crc)),
    )
    _note_last(db, sensor, values, reasons, waiting=1)


def refuse(db: sqlite3.Connection, measurement: Measurement) -> None:
    """Count a measurement that there is no room for; it is its sensor's last window all the same."""
    sensor = sensor_id(db, measurement.sensor)
    reasons = None if measurement.reasons is None else dump_reasons(measurement.reasons)
    _note_last(db, sensor, _values(measurement), reasons, waiting=0)
    record(db, sensor, LossReason.SPOOL_FULL, 1, Span(measurement.time_us, measurement.time_us))


def select(
    db: sqlite3.Connection,
    limit: int,
    *,
    newest: bool,
    after: int = 0,
    upto: int | None = None,
    withheld: Sequence[int] = (),
) -> tuple[list[Measurement], list[int]]:
    """Return up to ``limit`` measurements in order of ``seq``, and the numbers of rows that fail their checksum.

    From the first on whose time is not known, none is given; none of the sensors of ``withheld`` either.
    """
    order = "DESC" if newest else "ASC"
    held = held_from(db)
    last = min(_MAX_SEQ if upto is None else upto, _MAX_SEQ if held is None else held - 1)
    rows = db.execute(
        f"{_SELECT} WHERE m.seq > ? AND m.seq <= ? AND {OTHERS.format('m.')} ORDER BY m.seq {order} LIMIT ?",
        (after, last, as_list(withheld), limit),
    ).fetchall()
    good = [_in_time(load(row[2:]), row[0], row[1]) for row in rows if is_whole(row[2:])]
    bad = [row[5] for row in rows if not is_whole(row[2:])]
    return sorted(good, key=lambda measurement: measurement.seq), bad


def _in_time(measurement: Measurement, offset_us: int | None, estimated: int | None) -> Measurement:
    """Give a measurement the time that its boot was found to have."""
    if offset_us is None:
        return measurement
    return replace(measurement, time_us=measurement.time_us + offset_us, is_time_estimated=bool(estimated))


def select_rescued(
    db: sqlite3.Connection, limit: int, withheld: Sequence[int] = ()
) -> tuple[UUID | None, list[Measurement], tuple[int, int]]:
    """Return the oldest rescued measurements, all of one epoch: that epoch, they, and first and last row number.

    Rows that fail their checksum are taken out and recorded as a gap. From the first on whose time is not known, none
    is given; none of the sensors of ``withheld`` either.
    """
    query = f"{_SELECT_RESCUED} WHERE {OTHERS.format('r.')} ORDER BY r.id LIMIT ?"
    rows = db.execute(query, (as_list(withheld), limit)).fetchall()
    found = list(itertools.takewhile(lambda row: row[-1] is None or row[0] is not None, rows))
    bad = [row[-3] for row in found if not is_whole(row[2:-3])]
    if bad:
        take_out_rescued(db, "id IN (SELECT value FROM json_each(?))", (as_list(bad),), LossReason.DAMAGED)
    whole = [row for row in found if is_whole(row[2:-3])]
    same = list(itertools.takewhile(lambda row: row[-2] == whole[0][-2], whole))
    if not same:
        return None, [], (0, 0)
    timed = [_in_time(load(row[2:-3]), row[0], row[1]) for row in same]
    return UUID(same[0][-2]), timed, (same[0][-3], same[-1][-3])


def take_out(
    db: sqlite3.Connection, condition: str, values: Sequence[Any] = (), reason: LossReason | None = None
) -> int:
    """Delete measurements and return how many; with a ``reason`` they are lost, and recorded as gaps."""
    groups = db.execute(
        "SELECT sensor, count(*), min(time_us), max(time_us), min(seq), max(seq) FROM measurement"
        f" WHERE {condition} GROUP BY sensor",
        values,
    ).fetchall()
    if not groups:
        return 0
    db.execute(f"DELETE FROM measurement WHERE {condition}", values)
    for sensor, windows, *span in groups:
        db.execute("UPDATE sensor SET waiting = waiting - ? WHERE id = ?", (windows, sensor))
        if reason is not None:
            record(db, sensor, reason, windows, Span(*span))
    windows = sum(int(group[1]) for group in groups)
    count(db, "rows", -windows)
    return windows


def take_out_rescued(
    db: sqlite3.Connection, condition: str, values: Sequence[Any] = (), reason: LossReason | None = None
) -> int:
    """Delete rescued measurements as ``take_out`` does others; their numbers are of another epoch and not told."""
    groups = db.execute(
        f"SELECT sensor, count(*), min(time_us), max(time_us) FROM rescued WHERE {condition} GROUP BY sensor",
        values,
    ).fetchall()
    if groups:
        db.execute(f"DELETE FROM rescued WHERE {condition}", values)
    for sensor, windows, *times in groups:
        count_rescued(db, sensor, -windows)
        if reason is not None:
            record(db, sensor, reason, windows, Span(*times))
    return sum(int(group[1]) for group in groups)


def count_rescued(db: sqlite3.Connection, sensor: int, more: int) -> None:
    """Count rescued rows among those that wait: they are lost with the file too."""
    db.execute("UPDATE sensor SET waiting = waiting + ? WHERE id = ?", (more, sensor))
    count(db, RESCUED_ROWS, more)


def count_waiting(db: sqlite3.Connection) -> None:
    """Count each sensor's rows anew where an older release wrote to the file, which does not keep that count.

    Rescued rows, which it leaves alone, are among them.
    """
    kept = db.execute("SELECT coalesce(sum(waiting), 0) FROM sensor").fetchone()[0]
    told = db.execute("SELECT coalesce(max(value), 0) FROM counter WHERE name = 'rows'").fetchone()[0]
    rescued = db.execute("SELECT coalesce(max(value), 0) FROM counter WHERE name = ?", (RESCUED_ROWS,)).fetchone()[0]
    if kept == told + rescued:
        return
    found = db.execute("SELECT count(*), sensor FROM measurement GROUP BY sensor").fetchall()
    again = db.execute("SELECT count(*), sensor FROM rescued GROUP BY sensor").fetchall()
    db.execute("UPDATE sensor SET waiting = 0")
    db.executemany("UPDATE sensor SET waiting = waiting + ? WHERE id = ?", found + again)
    count(db, "rows", sum(windows for windows, _ in found) - told)
    count(db, RESCUED_ROWS, sum(windows for windows, _ in again) - rescued)


def sensor_id(db: sqlite3.Connection, name: str) -> int:
    """Return a sensor's row number, made on first use."""
    row = db.execute("SELECT id FROM sensor WHERE name = ?", (name,)).fetchone()
    if row is None:
        row = (db.execute("INSERT INTO sensor (name) VALUES (?)", (name,)).lastrowid,)
    return int(row[0])


def read_status(db: sqlite3.Connection) -> SpoolStatus:
    """Return rows, bytes and losses, from counters: a long backlog is not read."""
    counters = dict(db.execute("SELECT name, value FROM counter"))
    (events,) = db.execute("SELECT count(*) FROM event").fetchone()
    return SpoolStatus(
        rows=counters.get("rows", 0),
        events=events,
        bytes=used_bytes(db),
        dropped=counters.get("dropped", 0),
        dead_letters=counters.get("dead_letters", 0),
        set_aside=counters.get("set_aside", 0),
        rescued=counters.get(RESCUED_ROWS, 0),
        lost={
            reason.value: counters[f"lost_{reason.value}"]
            for reason in LossReason
            if f"lost_{reason.value}" in counters
        },
    )


def used_bytes(db: sqlite3.Connection) -> int:
    """Return the bytes of pages in use; pages freed by deletions are used again first."""
    pages, free, size = (
        db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def dump_reasons(reasons: Sequence[Reason]) -> str:
    """Return reasons as the JSON that a row keeps."""
    return _REASONS.dump_json(list(reasons), exclude_none=True).decode()


def load_reasons(content: str) -> tuple[Reason, ...]:
    """Read reasons back.

    Raises:
        ValueError: damaged.
    """
    return tuple(_REASONS.validate_json(content))


def is_whole(row: tuple[Any, ...]) -> bool:
    """Whether a row (seal, reasons, reasons_crc, seq, what the checksum covers, crc) is as it was written.

    The first release sealed no sequence numbers.
    """
    sealed, crc = row[0], row[-1]
    return checksum(row[4:-1]) == crc and (sealed is None or seal(row[3], crc) == sealed)


def load(row: tuple[Any, ...]) -> Measurement:
    """Read a whole row back."""
    _, reasons, reasons_crc, seq, sensor, time_us, score, status, model, level, dominant, schema_id, features, _ = row
    vector = np.frombuffer(features, dtype="<f2").astype(np.float16)
    told = _load_intact(reasons, reasons_crc)
    return Measurement(sensor, time_us, score, Status(status), model, level, dominant, schema_id, vector, told, seq)


def checksum(values: tuple[Any, ...]) -> int:
    """CRC-32 over a row: SQLite itself does not notice bits that flip inside a value."""
    return zlib.crc32(repr(values).encode("utf-8", "replace"))


def seal(seq: int, crc: int) -> int:
    """CRC-32 that ties a row to its sequence number: another number would make it another measurement."""
    return zlib.crc32(f"{seq} {crc}".encode())


def is_registration(content: Any) -> bool:
    """Whether a sensor's registration (JSON) is whole."""
    try:
        SensorRegistration.model_validate_json(content)
    except ValueError:
        return False
    return True


def as_list(numbers: Sequence[int]) -> str:
    """Return numbers for ``IN (SELECT value FROM json_each(?))``."""
    return json.dumps(list(numbers))


def _values(measurement: Measurement) -> tuple[Any, ...]:
    return (
        measurement.time_us,
        measurement.score,
        measurement.status.value,
        measurement.model,
        measurement.level_dbfs,
        measurement.dominant_hz,
        measurement.schema_id,
        np.ascontiguousarray(measurement.features, dtype="<f2").tobytes(),
    )


def _note_last(
    db: sqlite3.Connection, sensor: int, values: tuple[Any, ...], reasons: str | None, *, waiting: int
) -> None:
    db.execute(
        "UPDATE sensor SET last_time_us = ?, last_score = ?, last_status = ?, model = ?, last_reasons = ?,"
        " waiting = waiting + ? WHERE id = ?",
        (*values[:4], reasons, waiting, sensor),
    )


def _load_intact(content: Any, crc: Any) -> tuple[Reason, ...] | None:
    """Read a row's reasons; damaged ones are left out, for the measurement itself is whole."""
    if not isinstance(content, str) or zlib.crc32(content.encode("utf-8", "replace")) != crc:
        return None
    return load_reasons(content)
