"""A journal of all windows that a spool ever committed, kept by SQLite itself in the same transactions."""

import contextlib
import sqlite3
from pathlib import Path
from typing import NamedTuple

from audiosense_agent.spool import Spool

_TABLES = """
CREATE TABLE IF NOT EXISTS journal (seq INTEGER, sensor TEXT, time_us INTEGER, features BLOB);
CREATE TRIGGER IF NOT EXISTS journal_of_windows AFTER INSERT ON measurement BEGIN
    INSERT INTO journal SELECT new.seq, name, new.time_us, new.features FROM sensor WHERE id = new.sensor;
END;
"""


class Key(NamedTuple):
    """What a measurement is known by."""

    sensor: str
    epoch: str
    seq: int
    time_us: int


def keep_journal(path: Path) -> None:
    """Make a spool whose every committed window is written down, too, in the same transaction."""
    Spool(path).close()
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript(_TABLES)


def read_journal(path: Path) -> dict[Key, bytes]:
    """Return the feature bytes of each window that this spool ever committed, sent or not."""
    with contextlib.closing(sqlite3.connect(path, timeout=10)) as db:
        epoch = _epoch(db)
        rows = db.execute("SELECT sensor, seq, time_us, features FROM journal")
        return {Key(sensor, epoch, seq, time_us): features for sensor, seq, time_us, features in rows}


def read_waiting(path: Path) -> set[Key]:
    """Return what was not acknowledged yet."""
    with contextlib.closing(sqlite3.connect(path, timeout=10)) as db:
        epoch = _epoch(db)
        rows = db.execute("SELECT s.name, m.seq, m.time_us FROM measurement m JOIN sensor s ON s.id = m.sensor")
        return {Key(sensor, epoch, seq, time_us) for sensor, seq, time_us in rows}


def _epoch(db: sqlite3.Connection) -> str:
    return str(db.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()[0])
