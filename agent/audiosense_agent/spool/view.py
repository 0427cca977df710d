"""Reads a spool beside the agent that writes it."""

import errno
import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from audiosense_agent.errors import SpoolError
from audiosense_agent.spool.file import SQLITE_ERRORS, check_kind
from audiosense_agent.spool.flight import read_in_flight
from audiosense_agent.spool.gaps import Gap, select_gaps
from audiosense_agent.spool.remains import open_for_reading
from audiosense_agent.spool.rows import SpoolStatus, read_status
from audiosense_agent.spool.schema import TABLES
from audiosense_agent.spool.values import get

_MOST_GAPS = 1_000
_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class SpoolView:
    """What a spool knows at one moment; ``sensors`` by name, each with the JSON of its last window's reasons."""

    status: SpoolStatus = field(default_factory=SpoolStatus)
    last_answer_us: int | None = None
    clock_offset_us: int | None = None
    sensors: dict[str, dict[str, int | float | str | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SpoolDetails:
    """What stands in a spool besides its counts.

    ``gaps`` were not told yet. ``in_flight`` is the number of measurements and events in the batch that waits for its
    answer, None without one.
    """

    epoch: str = ""
    previous_epoch: str = ""
    oldest_us: int | None = None
    newest_us: int | None = None
    in_flight: int | None = None
    in_flight_bytes: int = 0
    gaps: list[Gap] = field(default_factory=list)
    dead_letters_kept: int = 0


def size_of(path: Path) -> int | None:
    """Return the bytes of a spool's file, None where there is none.

    Raises:
        SpoolError: this user may not look at it, the message says who may; or it is no file.
    """
    check_kind(path)
    try:
        size = path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise not_readable(path, error.strerror) from None
    # Not opened to try: closing it again would end this process's locks on it.
    if not os.access(path, os.R_OK):
        raise not_readable(path, os.strerror(errno.EACCES))
    return size


def not_readable(path: Path, why: object) -> SpoolError:
    """Return the error of a spool that the system, not its content, keeps from being read."""
    return SpoolError(f"the spool {path} cannot be read: {why}; it is the agent's; run the same command with sudo")


def read_details(path: Path) -> SpoolDetails:
    """Read without writing, in a few look-ups however long the backlog is; as ``read_spool``.

    Raises:
        SpoolError: the file cannot be read.
    """
    return _read(path, _details) or SpoolDetails()


def _details(db: sqlite3.Connection) -> SpoolDetails:
    first, last = (
        db.execute(f"SELECT time_us FROM measurement ORDER BY seq {order} LIMIT 1").fetchone() or (None,)
        for order in ("ASC", "DESC")
    )
    is_upgraded = db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'gap'").fetchone() is not None
    batch = read_in_flight(db) if is_upgraded else None
    return SpoolDetails(
        epoch=get(db, "epoch"),
        previous_epoch=get(db, "previous_epoch"),
        oldest_us=first[0],
        newest_us=last[0],
        in_flight=None if batch is None else batch.items,
        in_flight_bytes=0 if batch is None else len(batch.body),
        gaps=select_gaps(db, _MOST_GAPS) if is_upgraded else [],
        dead_letters_kept=db.execute("SELECT count(*) FROM dead_letter").fetchone()[0],
    )


def read_spool(path: Path) -> SpoolView:
    """Read without writing; an agent that never ran, or is just making its spool, gives an empty view.

    Raises:
        SpoolError: the file cannot be read.
    """
    return _read(path, _view) or SpoolView()


def _view(db: sqlite3.Connection) -> SpoolView:
    meta = dict(db.execute("SELECT key, value FROM meta"))
    columns = {row[1] for row in db.execute("PRAGMA table_info(sensor)")}
    reasons = "last_reasons" if "last_reasons" in columns else "NULL"
    sensors = db.execute(
        f"SELECT name, last_time_us, last_score, last_status, model, source, measured, {reasons} FROM sensor"
    )
    keys = ("time_us", "score", "status", "model", "source", "windows_measured", "reasons")
    return SpoolView(
        status=read_status(db),
        last_answer_us=int(meta["last_answer_us"]) if "last_answer_us" in meta else None,
        clock_offset_us=int(meta["clock_offset_us"]) if "clock_offset_us" in meta else None,
        sensors={row[0]: dict(zip(keys, row[1:], strict=True)) for row in sensors},
    )


def _foreign(path: Path, table: str) -> SpoolError:
    return SpoolError(
        f"{path} is the database of another program: it has a table {table}, expected those of a spool, such as "
        "measurement; move it away, else the agent sets it aside at its next start"
    )


def _read(path: Path, read: Callable[[sqlite3.Connection], _Read]) -> _Read | None:
    """Read in one transaction; None where there is no spool, or one that is just being made."""
    if not size_of(path):
        return None
    try:
        with open_for_reading(path) as db:
            db.execute("BEGIN")
            tables = {row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
            if tables and tables.isdisjoint(TABLES):
                raise _foreign(path, min(tables))
            is_made = db.execute("PRAGMA user_version").fetchone()[0] != 0
            return read(db) if is_made else None
    except SQLITE_ERRORS as error:
        raise SpoolError(f"the spool {path} cannot be read: {error}; see: audiosense-agent spool verify") from None
