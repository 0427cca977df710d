"""What a spool that is set aside still tells of itself, so that its loss is counted and its gaps go on."""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audiosense_agent.events import EventRevision
from audiosense_agent.spool.boots import KnownBoot, adopt_boot, adopt_number, hold_event, read_boots
from audiosense_agent.spool.event_json import load_boot, load_whole_event
from audiosense_agent.spool.events import keep_open
from audiosense_agent.spool.gaps import Gap, LossReason, Span, find_damaged, inherit, record, select_gaps
from audiosense_agent.spool.rows import RESCUED_ROWS, is_registration, sensor_id
from audiosense_agent.spool.values import count, damage, get

_BUSY_S = 5.0
_MOST_GAPS = 10_000
_OLD_COLUMNS = 2
"""Of ``open_event`` without its checksum."""
_SENSORS = "SELECT name, registration, last_time_us, measured, waiting FROM sensor"
_UNREADABLE = (sqlite3.Error, TypeError, ValueError, KeyError, OverflowError)


@dataclass(frozen=True, slots=True)
class KnownSensor:
    """A sensor as the file had it; ``waiting`` of its windows were in the file."""

    name: str
    registration: str | None
    last_time_us: int | None
    measured: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Remains:
    """What could be read.

    Attributes:
        windows: how many waited in all, None where the file does not tell.
        sensors: what it knew of them.
        gaps: those that were not told yet.
        damaged_gaps: how many of them cannot be what was written.
        events: event revisions that waited.
        open_events: the last revision of each event that was never closed, and the boot that it waits for.
        boots: the starts of the computer that it knew, by number.
    """

    windows: int | None = None
    sensors: list[KnownSensor] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    damaged_gaps: int = 0
    events: int = 0
    open_events: list[tuple[EventRevision, int | None]] = field(default_factory=list)
    boots: dict[int, KnownBoot] = field(default_factory=dict)


def read_remains(path: Path) -> Remains:
    """Read what a damaged file tells without reading its rows; nothing where nothing can be read."""
    windows, sensors, gaps, damaged_gaps, events = None, [], [], 0, 0
    open_events, boots = list[tuple[EventRevision, int | None]](), dict[int, KnownBoot]()
    with contextlib.suppress(*_UNREADABLE), open_for_reading(path) as db:
        with contextlib.suppress(*_UNREADABLE):
            counted = dict(db.execute("SELECT name, value FROM counter"))
            windows = int(counted["rows"]) + int(counted.get(RESCUED_ROWS, 0))
        with contextlib.suppress(*_UNREADABLE):
            sensors = [found for row in db.execute(_SENSORS) if (found := _sensor(row)) is not None]
        with contextlib.suppress(*_UNREADABLE):
            gaps = select_gaps(db, _MOST_GAPS)
            damaged_gaps = len(find_damaged(db))
        with contextlib.suppress(*_UNREADABLE):
            (events,) = db.execute("SELECT count(*) FROM event").fetchone()
        with contextlib.suppress(*_UNREADABLE):
            open_events = _open_events(db)
        with contextlib.suppress(*_UNREADABLE):
            boots = read_boots(db)
    return Remains(windows, sensors, gaps, damaged_gaps, events, open_events, boots)


def _open_events(db: sqlite3.Connection) -> list[tuple[EventRevision, int | None]]:
    found = []
    for row in db.execute("SELECT * FROM open_event"):
        with contextlib.suppress(*_UNREADABLE):
            found.append((load_whole_event(row[1], row[2] if len(row) > _OLD_COLUMNS else None), load_boot(row[1])))
    return found


def inherit_remains(db: sqlite3.Connection, remains: Remains) -> None:
    """Count what was lost in the new spool, and go on with what was known of its sensors."""
    count(db, "set_aside", 1)
    numbers = {}
    for sensor in remains.sensors:
        numbers[sensor.name] = number = sensor_id(db, sensor.name)
        db.execute(
            "UPDATE sensor SET registration = ?, last_time_us = ?, measured = ? WHERE id = ?",
            (sensor.registration, sensor.last_time_us, sensor.measured, number),
        )
        if sensor.waiting > 0:
            record(db, number, LossReason.SET_ASIDE, sensor.waiting, Span(last_us=sensor.last_time_us))
    for gap in remains.gaps:
        inherit(db, numbers.get(gap.sensor or ""), gap)
    if remains.damaged_gaps:
        record(db, None, LossReason.DAMAGED, None, Span())
    _inherit_events(db, remains)
    told = sum(max(0, sensor.waiting) for sensor in remains.sensors)
    if remains.windows is None and not told:
        record(db, None, LossReason.SET_ASIDE, None, Span())
    elif remains.windows is not None and remains.windows > told:
        record(db, None, LossReason.SET_ASIDE, remains.windows - told, Span())


def _inherit_events(db: sqlite3.Connection, remains: Remains) -> None:
    """Keep open events open, for the agent to go on with or to close at its next start; count what waited as lost."""
    count(db, "dropped", remains.events)
    epoch = get(db, "previous_epoch")
    for boot in remains.boots.values():
        if boot.offset_us is not None:
            adopt_boot(db, epoch, boot)
    for event, number in remains.open_events:
        if number is None:
            keep_open(db, event, None)
        else:
            keep_open(db, *hold_event(db, adopt_number(db, epoch, remains.boots, number), event))


def _sensor(row: tuple[Any, ...]) -> KnownSensor | None:
    name, registration, last_time_us, measured, waiting = row
    if not isinstance(name, str) or not all(isinstance(each, int) for each in (measured, waiting)):
        return None
    return KnownSensor(
        name,
        registration if is_registration(registration) else None,
        last_time_us if isinstance(last_time_us, int) else None,
        measured,
        waiting,
    )


@contextlib.contextmanager
def open_for_reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a spool for reading: its rows are not changed, and a writer beside it goes on.

    Raises:
        sqlite3.Error: it cannot be opened, or is empty: of an empty file SQLite would delete the log.
    """
    if path.exists() and path.stat().st_size == 0:
        raise damage("the file is empty")
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_S)) as db:
        db.text_factory = lambda text: text.decode("utf-8", "replace")
        yield db
