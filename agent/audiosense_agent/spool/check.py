"""Reads a whole spool and says what of it is damaged; it changes nothing, and an agent may run meanwhile."""

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from audiosense_agent.errors import SpoolError
from audiosense_agent.spool.event_json import load_whole_event
from audiosense_agent.spool.file import SQLITE_ERRORS, is_damage
from audiosense_agent.spool.flight import read_in_flight
from audiosense_agent.spool.reading import measurements, rescued
from audiosense_agent.spool.remains import open_for_reading
from audiosense_agent.spool.schema import TABLES, VERSION
from audiosense_agent.spool.view import not_readable, size_of

_MOST_PROBLEMS = 20
_REPAIR = "stop the agent and run: audiosense-agent spool repair"
_HARMLESS = "the agent takes them out and records a gap when it meets them; nothing is to be done"


@dataclass(slots=True)
class Verification:
    """What was read, and each thing that is wrong with what to do about it."""

    measurements: int = 0
    events: int = 0
    damaged: int = 0
    problems: list[str] = field(default_factory=list)


def verify(path: Path) -> Verification:
    """Check all pages, all rows by their checksums, event revisions and the batch in flight.

    Raises:
        SpoolError: there is no spool, or its disk or permissions do not let it be read.
    """
    if size_of(path) is None:
        raise SpoolError(f"there is no spool at {path}; the agent makes it at its first start")
    result = Verification()
    try:
        with open_for_reading(path) as db:
            _check_head(db, result)
            for check in () if result.problems else (_check_pages, _check_rows, _check_rest):
                try:
                    check(db, result)
                except SQLITE_ERRORS as error:
                    _note_damage(error, result)
    except SQLITE_ERRORS as error:
        if not is_damage(error):
            raise not_readable(path, error) from None
        _note_damage(error, result)
    return result


def _note_damage(error: Exception, result: Verification) -> None:
    """Note what ended a check, once; a fault of the disk or its permissions is none of the file."""
    if not is_damage(error):
        raise error
    told = f"{error}; {_REPAIR}"
    if told not in result.problems:
        result.problems.append(told)


def _check_head(db: sqlite3.Connection, result: Verification) -> None:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    missing = set(TABLES) - {row[0] for row in db.execute("SELECT name FROM sqlite_schema")}
    if version != VERSION:
        result.problems.append(f"it has version {version}, this agent writes version {VERSION}; {_REPAIR}")
    elif missing:
        result.problems.append(f"it has lost its table {min(missing)}; {_REPAIR}")


def _check_pages(db: sqlite3.Connection, result: Verification) -> None:
    found = [str(row[0]) for row in db.execute(f"PRAGMA quick_check({_MOST_PROBLEMS})")]
    if found != ["ok"]:
        told = "; ".join(line.replace("\n", " ") for line in found[:_MOST_PROBLEMS])
        result.problems.append(f"its pages are damaged: {told}; {_REPAIR}")


def _check_rows(db: sqlite3.Connection, result: Verification) -> None:
    for rows in (measurements(db), rescued(db)):
        for row in rows:
            result.measurements += 1
            result.damaged += row.measurement is None
    if result.damaged:
        result.problems.append(f"{result.damaged} measurements fail their checksum; {_HARMLESS}")


def _check_rest(db: sqlite3.Connection, result: Verification) -> None:
    bad = 0
    has_crc = any(row[1] == "crc" for row in db.execute("PRAGMA table_info(event)"))
    for content, crc in db.execute(f"SELECT content, {'crc' if has_crc else 'NULL'} FROM event"):
        result.events += 1
        try:
            load_whole_event(content, crc)
        except (ValueError, TypeError, KeyError):
            bad += 1
    if bad:
        result.problems.append(f"{bad} event revisions cannot be read or fail their checksum; {_HARMLESS}")
    if any(row[1] == "crc" for row in db.execute("PRAGMA table_info(in_flight)")):
        read_in_flight(db)
