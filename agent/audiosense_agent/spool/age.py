"""The time that the ages of windows are judged by, kept in the spool's file."""

import sqlite3
import time

from audiosense_agent.spool.limits import FIRST_US, advance
from audiosense_agent.spool.values import get, put

_KEY = "age_us"


class AgeClock:
    """Goes on from start to start, never faster than the agent runs; see ``limits.advance``."""

    def __init__(self) -> None:
        self._at_s = time.monotonic()

    def advance(self, db: sqlite3.Connection) -> int | None:
        """Return the time now in UTC microseconds, and keep it; None: not known yet."""
        kept = get(db, _KEY)
        reference = int(kept) if kept.isdecimal() else _newest_us(db)
        now_s, wall_us = time.monotonic(), time.time_ns() // 1_000
        reference = advance(reference, round((now_s - self._at_s) * 1e6), wall_us)
        self._at_s = now_s
        if reference is not None:
            put(db, {_KEY: str(reference)})
        return reference

    def set(self, db: sqlite3.Connection, now_us: int) -> None:
        """Take the time from one who knows it."""
        put(db, {_KEY: str(now_us)})
        self._at_s = time.monotonic()


def _newest_us(db: sqlite3.Connection) -> int | None:
    """Return when the last window was heard, by a clock that may be believed."""
    newest = db.execute("SELECT max(last_time_us) FROM sensor WHERE last_time_us >= ?", (FIRST_US,)).fetchone()[0]
    return None if newest is None else int(newest)
