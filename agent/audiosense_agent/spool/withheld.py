"""Sensors whose windows and events stay in the spool: the collector refuses to register them, as they are described."""

import json
import sqlite3
from collections.abc import Collection

OTHERS = "{0}sensor NOT IN (SELECT value FROM json_each(?))"
"""Condition on rows of ``measurement`` and ``rescued``: of all other sensors than those of a list (JSON) of numbers."""
OTHERS_EVENTS = (
    "CASE WHEN json_valid(content) THEN coalesce(json_extract(content, '$.sensor'), '') ELSE '' END"
    " NOT IN (SELECT value FROM json_each(?))"
)
"""The same of ``event``, by the sensors' names; damaged ones are given, for who reads them to take out."""


def numbers_of(db: sqlite3.Connection, names: Collection[str]) -> tuple[int, ...]:
    """Return the row numbers of sensors; one that was never heard has none."""
    query = "SELECT id FROM sensor WHERE name IN (SELECT value FROM json_each(?)) ORDER BY id"
    return tuple(row[0] for row in db.execute(query, (json.dumps(sorted(names)),))) if names else ()


def count_rows(db: sqlite3.Connection, names: Collection[str]) -> int:
    """Count the measurements of these sensors that wait, by counters; rescued ones are not among them."""
    sensors = json.dumps(numbers_of(db, names))
    of_them = "IN (SELECT value FROM json_each(?))"
    (waiting,) = db.execute(f"SELECT coalesce(sum(waiting), 0) FROM sensor WHERE id {of_them}", (sensors,)).fetchone()
    (rescued,) = db.execute(f"SELECT count(*) FROM rescued WHERE sensor {of_them}", (sensors,)).fetchone()
    return int(waiting - rescued)
