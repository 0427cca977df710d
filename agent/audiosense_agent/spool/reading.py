"""Streams a spool's rows in short transactions, so that a running agent's log does not grow meanwhile."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from audiosense_agent.spool.rows import COLUMNS, Measurement, is_whole, load
from audiosense_agent.spool.values import get

_CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class SpooledRow:
    """One row: its epoch, and the measurement, None if it is not as it was written."""

    epoch: str
    measurement: Measurement | None


def measurements(db: sqlite3.Connection) -> Iterator[SpooledRow]:
    """Yield the measurements that wait, in order of ``seq``; memory is bounded."""
    epoch = get(db, "epoch")
    for row in _stream(db, "measurement", "seq", "NULL"):
        yield _show(epoch, row)


def rescued(db: sqlite3.Connection) -> Iterator[SpooledRow]:
    """Yield the measurements that a repair brought back; none in a file of an earlier release."""
    if db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'rescued'").fetchone():
        for row in _stream(db, "rescued", "id", "t.epoch"):
            yield _show(row[1], row)


def _stream(db: sqlite3.Connection, table: str, key: str, second: str) -> Iterator[tuple[Any, ...]]:
    known = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
    columns = COLUMNS.format("t")
    offset = "(SELECT offset_us FROM boot WHERE id = t.boot)" if "boot" in known else "NULL"
    for added in ("seal", "reasons_crc", "reasons"):
        columns = columns if added in known else columns.replace(f"t.{added},", "NULL,")
    query = (
        f"SELECT t.{key}, {second}, {offset}, {columns} FROM {table} t LEFT JOIN sensor s ON s.id = t.sensor"
        f" WHERE t.{key} > ? ORDER BY t.{key} LIMIT {_CHUNK}"
    )
    last = -(2**63)
    while rows := db.execute(query, (last,)).fetchall():
        yield from rows
        last = max(row[0] for row in rows)


def _show(epoch: str, row: tuple[Any, ...]) -> SpooledRow:
    if not is_whole(row[3:]):
        return SpooledRow(epoch, None)
    measurement = load(row[3:])
    return SpooledRow(epoch, replace(measurement, time_us=measurement.time_us + (row[2] or 0)))
