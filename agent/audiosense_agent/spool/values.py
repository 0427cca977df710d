"""Single values and counters of the spool."""

import sqlite3


def put(db: sqlite3.Connection, values: dict[str, str]) -> None:
    """Store values by key."""
    db.executemany(
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        list(values.items()),
    )


def get(db: sqlite3.Connection, key: str) -> str:
    """Return a stored value, or ``""``."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return "" if row is None else str(row[0])


def count(db: sqlite3.Connection, name: str, more: int) -> None:
    """Add to a counter."""
    db.execute(
        "INSERT INTO counter (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
        (name, more),
    )


def damage(what: str) -> sqlite3.DatabaseError:
    """Return the error for damage that SQLite itself does not notice."""
    error = sqlite3.DatabaseError(what)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error
