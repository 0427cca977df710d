"""The batch that waits for its answer."""

import json
import sqlite3
import zlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from audiosense_agent.spool.gaps import LossReason
from audiosense_agent.spool.rows import as_list, take_out, take_out_rescued
from audiosense_agent.spool.values import damage, get
from audiosense_agent.spool.withheld import OTHERS


@dataclass(frozen=True, slots=True)
class InFlight:
    """A batch that was made and not yet answered: its exact bytes and what an answer to it acknowledges.

    Attributes:
        body: compressed with zstd, as it goes over the wire.
        low: first ``seq`` of its measurements, ``high``: the last; none if low > high.
        events: row numbers of its events.
        gaps: row number of the last gap that it tells, all before it included; 0 for none.
        rescued: row numbers of the first and last rescued measurement that it holds, (0, 0) for none.
        withheld: row numbers of sensors whose measurements it holds none of, though their numbers are in its range.
        life: epoch of the spool's file that it was made of or read from; the numbers mean nothing in another one.
            None: no spool's yet, so that it is neither kept nor acknowledged.
    """

    body: bytes
    low: int
    high: int
    events: tuple[int, ...]
    gaps: int = 0
    rescued: tuple[int, int] = (0, 0)
    withheld: tuple[int, ...] = ()
    life: UUID | None = None

    @property
    def items(self) -> int:
        """Most measurements and events that it holds; 0 for a mere heartbeat."""
        first, last = self.rescued
        return max(0, self.high - self.low + 1) + len(self.events) + (last - first + 1 if last else 0)


def read_in_flight(db: sqlite3.Connection) -> InFlight | None:
    """Return the batch in flight.

    Raises:
        sqlite3.DatabaseError: its bytes are not those that were kept.
    """
    is_older = all(row[1] != "withheld" for row in db.execute("PRAGMA table_info(in_flight)"))
    columns = "body, low, high, events, gaps, rescued_first, rescued, crc"
    row = db.execute(f"SELECT {'NULL' if is_older else 'withheld'}, {columns} FROM in_flight").fetchone()
    if row is None:
        return None
    withheld, body, low, high, events, gaps, *rescued, crc = row
    if crc is not None and _checksum(body, low, high, events, gaps, *rescued, *_listed(withheld)) != crc:
        raise damage("the batch in flight is damaged")
    try:
        numbers = tuple(map(int, json.loads(events)))
        life = UUID(get(db, "epoch"))
        others = tuple(map(int, json.loads(withheld or "[]")))
        return InFlight(bytes(body), int(low), int(high), numbers, gaps, (rescued[0], rescued[1]), others, life)
    except (TypeError, ValueError):
        raise damage("the batch in flight is damaged") from None


def put_in_flight(db: sqlite3.Connection, batch: InFlight) -> None:
    """Keep a batch's exact bytes."""
    events = json.dumps(batch.events)
    values = (batch.body, batch.low, batch.high, events, batch.gaps, *batch.rescued)
    withheld = json.dumps(batch.withheld) if batch.withheld else None
    db.execute("DELETE FROM in_flight")
    db.execute(
        "INSERT INTO in_flight (id, body, low, high, events, gaps, rescued_first, rescued, withheld, crc)"
        " VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*values, withheld, _checksum(*values, *_listed(withheld))),
    )


def count_windows(db: sqlite3.Connection, batch: InFlight) -> int:
    """Count what is there of the measurements that a batch says it holds."""
    found = 0
    for table, condition, values in (("measurement", *carried(batch)), ("rescued", *carried_rescued(batch))):
        found += db.execute(f"SELECT count(*) FROM {table} WHERE {condition}", values).fetchone()[0]
    return found


def carried(batch: InFlight) -> tuple[str, tuple[Any, ...]]:
    """Return the condition on the measurements that a batch carries, and its values."""
    return f"seq BETWEEN ? AND ? AND {OTHERS.format('')}", (batch.low, batch.high, as_list(batch.withheld))


def carried_rescued(batch: InFlight) -> tuple[str, tuple[Any, ...]]:
    """Return the condition on the rescued measurements that a batch carries, and its values."""
    return f"id BETWEEN ? AND ? AND {OTHERS.format('')}", (*batch.rescued, as_list(batch.withheld))


def remove(db: sqlite3.Connection, batch: InFlight, reason: LossReason | None = None) -> None:
    """Delete what a batch carried; with a ``reason`` its measurements are recorded as a gap."""
    take_out(db, *carried(batch), reason)
    take_out_rescued(db, *carried_rescued(batch), reason)
    db.executemany("DELETE FROM event WHERE id = ?", [(row,) for row in batch.events])
    if reason is None:
        db.execute("DELETE FROM gap WHERE number <= ?", (batch.gaps,))
    db.execute("DELETE FROM in_flight")


def _listed(withheld: str | None) -> tuple[str, ...]:
    """Return what the checksum covers of it: nothing where none is withheld, as in the releases before.

    To one of these a batch that skips rows is then damaged; it would else delete them with an answer.
    """
    return () if withheld is None else (withheld,)


def _checksum(body: bytes, *values: int | str) -> int:
    return zlib.crc32(repr(values).encode(), zlib.crc32(body))
