"""Repair: what can still be read of a file set aside goes back into the spool, under its own epoch and numbers."""

import contextlib
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from audiosense_agent.clock import is_provisional
from audiosense_agent.errors import SpoolError
from audiosense_agent.spool.boots import (
    KnownBoot,
    adopt_number,
    as_boot,
    boot_offset,
    hold_event,
    hold_rescued,
    read_boots,
)
from audiosense_agent.spool.event_json import dump_event, event_crc, load_boot, load_whole_event
from audiosense_agent.spool.file import epoch_beside
from audiosense_agent.spool.gaps import Gap, LossReason, Span, inherit, record, select_gaps
from audiosense_agent.spool.pages import PageReader
from audiosense_agent.spool.remains import open_for_reading
from audiosense_agent.spool.rows import checksum, count_rescued, is_registration, seal, sensor_id
from audiosense_agent.spool.values import get

_MEASUREMENT_COLUMNS = range(11, 16)
_KEPT_COLUMNS = 13
"""From ``sensor`` to ``seal``."""
_RESCUED_COLUMNS = (16, 17)
_GAP_COLUMNS = 10
_MOST_GAPS = 10_000
_PAIR = 2
"""Columns of a stored value."""
_EVENT_COLUMNS = (2, 3)
_BOOT_COLUMNS = 4
_SENSOR_COLUMNS = range(9, 13)
_REAL = (3, 6, 7)
"""Places of columns that are REAL: SQLite keeps whole numbers among them as integers."""
_INSERT = (
    "INSERT OR IGNORE INTO rescued (epoch, seq, sensor, time_us, score, status, model, level_dbfs, dominant_hz,"
    " schema_id, features, crc, reasons, reasons_crc, seal, boot)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_DAMAGE = (sqlite3.Error, ValueError, TypeError, KeyError)


@dataclass(slots=True)
class Rescued:
    """What one file gave: whole measurements and event revisions, rows that are no more what was written."""

    measurements: int = 0
    events: int = 0
    damaged: int = 0


@dataclass(slots=True)
class _Known:
    """What the file tells of its rows: its epoch, and its sensors' names, registrations and boots by row number.

    ``adopted`` are numbers of its boots in the spool that they come to.
    """

    epoch: str = ""
    boots: dict[int, KnownBoot] = field(default_factory=dict)
    adopted: dict[object, int] = field(default_factory=dict)
    sensors: dict[int, str] = field(default_factory=dict)
    registrations: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Tally:
    """Windows of one sensor that came back, and when they were heard."""

    windows: int = 0
    first_us: int | None = None
    last_us: int | None = None

    def add(self, time_us: int | None) -> None:
        self.windows += 1
        if time_us is None:
            return
        self.first_us = time_us if self.first_us is None else min(self.first_us, time_us)
        self.last_us = time_us if self.last_us is None else max(self.last_us, time_us)


def rescue(db: sqlite3.Connection, aside: Path) -> Rescued:
    """Copy whole rows of a file set aside into the spool, in the caller's transaction; the file stays as it is.

    A window that had been delivered already is known to the collector by its epoch and number. Those that come back
    are recorded as ``rescued``, which makes up for the gap that was told when the file was set aside.

    Raises:
        SpoolError: nobody knows the file's epoch, so its rows have no name.
    """
    with contextlib.closing(PageReader(aside)) as pages:
        known = _learn(aside, pages)
        names = [row[0] for row in db.execute("SELECT name FROM sensor")]
        result, tallies = Rescued(), dict[str, _Tally]()
        for rowid, values in pages.rows():
            if _is_event(values):
                result.events += _keep_event(db, values, known)
                continue
            if len(values) == _GAP_COLUMNS:
                _keep_gap(db, _as_gap(rowid, values, known))
                continue
            row, boot = _as_measurement(rowid, values, known.epoch)
            if row is None:
                continue
            name = _owner(row, known.sensors, names)
            if name is None:
                result.damaged += 1
            elif _keep(db, row, name, here := _boot_here(db, known, boot, row[3])):
                result.measurements += 1
                offset_us = 0 if here is None else boot_offset(db, here)
                tallies.setdefault(name, _Tally()).add(None if offset_us is None else row[3] + offset_us)
    for name, tally in tallies.items():
        number = sensor_id(db, name)
        record(db, number, LossReason.RESCUED, tally.windows, Span(tally.first_us, tally.last_us))
        registration = known.registrations.get(name)
        db.execute("UPDATE sensor SET registration = coalesce(registration, ?) WHERE id = ?", (registration, number))
    return result


def _learn(aside: Path, pages: PageReader) -> _Known:
    """Find epoch and sensors: by SQL where the tree to them is whole, else from the pages."""
    known = _Known()
    with contextlib.suppress(*_DAMAGE), open_for_reading(aside) as db:
        known.epoch = str(UUID(get(db, "epoch")))
        for number, name, registration in db.execute("SELECT id, name, registration FROM sensor"):
            _note(known, number, name, registration)
    are_boots_known = False
    with contextlib.suppress(*_DAMAGE), open_for_reading(aside) as db:
        if db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'boot'").fetchone():
            known.boots = read_boots(db)
            are_boots_known = True
    if not known.epoch or not known.sensors or not are_boots_known:
        for rowid, values in pages.rows():
            if len(values) == _PAIR and values[0] == "epoch":
                known.epoch = known.epoch or str(values[1])
            elif len(values) in _SENSOR_COLUMNS and values[0] is None and isinstance(values[1], str):
                _note(known, rowid, values[1], values[2])
            elif len(values) == _BOOT_COLUMNS and values[0] is None and (boot := as_boot(values[1:])) is not None:
                known.boots.setdefault(rowid, boot)
    for epoch in (known.epoch, epoch_beside(aside)):
        with contextlib.suppress(ValueError):
            known.epoch = str(UUID(epoch))
            return known
    raise SpoolError(f"{aside} does not tell its epoch any more, so its rows cannot be told from others; keep the file")


def _note(known: _Known, number: int, name: Any, registration: Any) -> None:
    if not isinstance(name, str):
        return
    known.sensors[number] = name
    if is_registration(registration):
        known.registrations[name] = registration


def _as_measurement(rowid: int, values: list[Any], epoch: str) -> tuple[tuple[Any, ...] | None, Any]:
    """Return epoch, number and the columns of a measurement from ``sensor`` on, and its boot; None for another row."""
    if not values or values[0] is not None:
        return None, None
    if len(values) in _RESCUED_COLUMNS and isinstance(values[1], str):
        return (values[1], values[2], *_floats(values[3:16])), (values[16:] or [None])[0]
    if len(values) in _MEASUREMENT_COLUMNS and isinstance(values[9], bytes):
        boot = (values[14:] or [None])[0]
        return (epoch, rowid, *_floats([*values[1:], None, None, None][:_KEPT_COLUMNS])), boot
    return None, None


def _boot_here(db: sqlite3.Connection, known: _Known, boot: Any, time_us: int) -> int | None:
    """Return the boot that a time counts from, by its number here; None: it is UTC."""
    if not is_provisional(time_us):
        return None
    if boot not in known.adopted:
        known.adopted[boot] = adopt_number(db, known.epoch, known.boots, boot)
        hold_rescued(db, known.adopted[boot])
    return known.adopted[boot]


def _as_gap(rowid: int, values: list[Any], known: _Known) -> Gap | None:
    """Return a gap that had not been told; None for another row, or one that cannot be a gap."""
    _, sensor, reason, windows, *span, origin_epoch, origin_number = values
    if values[0] is not None or reason not in set(LossReason):
        return None
    if any(not isinstance(value, int | None) for value in (sensor, windows, *span, origin_number)):
        return None
    try:
        epoch = UUID(known.epoch if origin_epoch is None else origin_epoch)
    except (TypeError, ValueError, AttributeError):
        return None
    number = rowid if origin_number is None else origin_number
    return Gap(0, epoch, number, known.sensors.get(sensor or 0), reason, windows, Span(*span))


def _keep_gap(db: sqlite3.Connection, gap: Gap | None) -> None:
    """Keep a gap that was not told, unless it came over when the file was set aside."""
    if gap is None or (gap.epoch, gap.number) in {(each.epoch, each.number) for each in select_gaps(db, _MOST_GAPS)}:
        return
    inherit(db, None if gap.sensor is None else sensor_id(db, gap.sensor), gap)


def _floats(columns: list[Any]) -> list[Any]:
    """Give back their type to whole numbers in REAL columns; ``columns`` begin with ``sensor``."""
    return [
        float(value) if place + 1 in _REAL and isinstance(value, int) else value for place, value in enumerate(columns)
    ]


def _owner(row: tuple[Any, ...], sensors: dict[int, str], names: list[str]) -> str | None:
    """Return the sensor whose row this is, by the checksum; None: it is not as it was written."""
    _, seq, sensor, *columns = row
    *content, crc, _, _, sealed = columns
    if sealed is not None and (not isinstance(crc, int) or seal(seq, crc) != sealed):
        return None
    candidates = [sensors[sensor]] if sensor in sensors else list(dict.fromkeys([*sensors.values(), *names]))
    return next((name for name in candidates if checksum((name, *content)) == crc), None)


def _keep(db: sqlite3.Connection, row: tuple[Any, ...], name: str, boot: int | None) -> bool:
    epoch, seq, _, *columns = row
    sensor = sensor_id(db, name)
    is_new = db.execute(_INSERT, (epoch, seq, sensor, *columns, boot)).rowcount > 0
    if is_new:
        count_rescued(db, sensor, 1)
    return is_new


def _is_event(values: list[Any]) -> bool:
    return len(values) in _EVENT_COLUMNS and values[0] is None and isinstance(values[1], str)


def _keep_event(db: sqlite3.Connection, values: list[Any], known: _Known) -> bool:
    """Keep an event revision if it is whole; a revision that the collector has already changes nothing there."""
    content = str(values[1])
    try:
        event = load_whole_event(content, values[2] if len(values) > _PAIR else None)
        boot = load_boot(content)
    except _DAMAGE:
        return False
    here = _boot_here(db, known, boot, event.start_us)
    event, held_by = (event, None) if here is None else hold_event(db, here, event)
    content = dump_event(event, held_by)
    query = "INSERT INTO event (content, crc) SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM event WHERE content = ?)"
    return db.execute(query, (content, event_crc(content), content)).rowcount > 0
