"""Repair of a spool while no agent runs on it."""

import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from audiosense_agent.errors import SpoolError
from audiosense_agent.spool.file import (
    SQLITE_ERRORS,
    Retirement,
    files_aside,
    is_damage,
    mark_repaired,
    open_fresh,
    open_spool_file,
    retire,
)
from audiosense_agent.spool.rescue import Rescued, rescue
from audiosense_agent.spool.rows import used_bytes
from audiosense_agent.spool.values import get, put

_DONE = "repaired "


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was done with one file that had been set aside; ``kept_as`` is its name now, ``problem`` why it stayed."""

    file: Path
    kept_as: Path
    rescued: Rescued
    problem: str | None = None


def repair(path: Path, max_bytes: int) -> list[Repaired]:
    """Set the spool aside if its pages are damaged, and put back what is whole in all files set aside.

    Each file is done in one transaction, and once: a crash between leaves it done or untouched.

    Args:
        path: the spool; the caller holds the state directory's lock.
        max_bytes: the cap that it must stay under; a file that does not fit stays for another time.

    Raises:
        SpoolError: the disk or its permissions do not let it be done.
    """
    with contextlib.closing(_open_whole(path)) as db:
        done = [_put_back(db, path, aside, max_bytes) for aside in files_aside(path)]
        with contextlib.suppress(sqlite3.Error):
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return done


def _open_whole(path: Path) -> sqlite3.Connection:
    db = open_spool_file(path)
    try:
        found = str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
    except SQLITE_ERRORS as error:
        if not is_damage(error):
            db.close()
            raise SpoolError(f"the spool {path} cannot be read: {error}; check its disk") from None
        found = str(error)
    if found == "ok":
        return db
    db.close()
    return open_fresh(path, retire(path, Retirement(found)))


def _put_back(db: sqlite3.Connection, path: Path, aside: Path, max_bytes: int) -> Repaired:
    result = Rescued()
    try:
        with db:
            db.execute("BEGIN IMMEDIATE")
            if not get(db, _DONE + aside.name):
                result = rescue(db, aside)
                _check_room(used_bytes(db), max_bytes)
                put(db, {_DONE + aside.name: "1"})
    except SpoolError as error:
        return Repaired(aside, aside, Rescued(), str(error))
    except sqlite3.Error as error:
        raise SpoolError(f"{aside} cannot be put back: {error}; free space on the disk of {path.parent}") from None
    return Repaired(aside, mark_repaired(path, aside), result)


def _check_room(used: int, max_bytes: int) -> None:
    if used > max_bytes:
        raise SpoolError(
            f"with it the spool would hold {used / 1e6:.1f} MB, and spool.max_bytes is {max_bytes / 1e6:.1f} MB; raise"
            " it, or let the spool drain first"
        )
