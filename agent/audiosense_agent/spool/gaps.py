"""Gaps: what was measured and lost on its way, recorded in the transaction that loses it."""

import sqlite3
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from audiosense_agent.clock import PROVISIONAL_BEFORE_US
from audiosense_agent.spool.values import count
from audiosense_common.wire import TIME_LIMIT_US

_NEAR_US = 3_600_000_000
_MOST_APART = 16
_INT64 = 2**63
_SELECT = (
    "SELECT g.number, coalesce(g.origin_epoch, (SELECT value FROM meta WHERE key = 'epoch')),"
    " coalesce(g.origin_number, g.number), s.name, g.reason, g.windows, g.first_us, g.last_us, g.first_seq,"
    " g.last_seq FROM gap g LEFT JOIN sensor s ON s.id = g.sensor"
)


class LossReason(StrEnum):
    """Why windows are not delivered."""

    SPOOL_FULL = "spool_full"
    TOO_OLD = "too_old"
    DAMAGED = "damaged"
    """A row that fails its checksum."""
    SET_ASIDE = "set_aside"
    """What a damaged file held."""
    NOT_STORED = "not_stored"
    """Lost in memory while the disk was full."""
    PAUSED = "paused"
    """Not heard while the configuration was read again."""
    REFUSED = "refused"
    """The collector refused it; it is among the dead letters."""
    RESCUED = "rescued"
    """No loss: so many windows of earlier gaps came back, by repairing a file that had been set aside."""


@dataclass(frozen=True, slots=True)
class Span:
    """First and last start of the windows of a gap (UTC microseconds) and their numbers, null where unknown."""

    first_us: int | None = None
    last_us: int | None = None
    first_seq: int | None = None
    last_seq: int | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """A gap that waits to be told; ``(epoch, number)`` names it for ever.

    ``sensor`` is null where nobody knows whose windows they were, ``windows`` where nobody knows how many.
    """

    row: int
    epoch: UUID
    number: int
    sensor: str | None
    reason: str
    windows: int | None
    span: Span


def record(db: sqlite3.Connection, sensor: int | None, reason: LossReason, windows: int | None, span: Span) -> None:
    """Record lost windows: in the sensor's last gap of that reason if it ended within the hour, else in a new one.

    A sensor has at most ``_MOST_APART`` gaps of one reason; then the last one grows. A gap in flight stays as it was
    sent.
    """
    span = Span(*(_time(value) for value in (span.first_us, span.last_us)), *map(_seq, (span.first_seq, span.last_seq)))
    if sensor is not None and not db.execute("SELECT 1 FROM sensor WHERE id = ?", (sensor,)).fetchone():
        sensor = None
    open_gaps = db.execute(
        "SELECT number, windows, first_us, last_us, first_seq, last_seq FROM gap WHERE sensor IS ? AND reason = ?"
        " AND origin_epoch IS NULL AND number > (SELECT coalesce(max(gaps), 0) FROM in_flight) ORDER BY number DESC",
        (sensor, reason.value),
    ).fetchall()
    open_gaps = [row for row in open_gaps if row[1] is None or _seq(row[1]) is not None]
    if open_gaps and (len(open_gaps) >= _MOST_APART or _is_near(open_gaps[0], span, windows)):
        number, before, *old = open_gaps[0]
        more = None if before is None or windows is None else before + windows
        joined = _join(Span(*old), span)
        db.execute(
            "UPDATE gap SET windows = ?, first_us = ?, last_us = ?, first_seq = ?, last_seq = ? WHERE number = ?",
            (more, joined.first_us, joined.last_us, joined.first_seq, joined.last_seq, number),
        )
    else:
        db.execute(
            "INSERT INTO gap (sensor, reason, windows, first_us, last_us, first_seq, last_seq)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (sensor, reason.value, windows, span.first_us, span.last_us, span.first_seq, span.last_seq),
        )
    count(db, f"lost_{reason.value}", windows or 0)
    if reason not in (LossReason.REFUSED, LossReason.RESCUED):
        count(db, "dropped", windows or 0)


def select_gaps(db: sqlite3.Connection, limit: int) -> list[Gap]:
    """Return the oldest gaps."""
    rows = db.execute(f"{_SELECT} ORDER BY g.number LIMIT ?", (limit,)).fetchall()
    return [gap for row in rows if (gap := _load(row)) is not None]


def find_damaged(db: sqlite3.Connection) -> list[int]:
    """Return the numbers of gaps that cannot be what was written; their rows have no checksum."""
    return [row[0] for row in db.execute(f"{_SELECT} ORDER BY g.number") if _load(row) is None]


def take_out_damaged(db: sqlite3.Connection) -> None:
    """Replace gaps that cannot be what was written by one of unknown size."""
    bad = find_damaged(db)
    if bad:
        db.executemany("DELETE FROM gap WHERE number = ?", [(number,) for number in bad])
        record(db, None, LossReason.DAMAGED, None, Span())


def inherit(db: sqlite3.Connection, sensor: int | None, gap: Gap) -> None:
    """Keep a gap of an earlier epoch that may not have been told yet, under its name; a damaged one as such."""
    if not is_sound(gap):
        record(db, None, LossReason.DAMAGED, None, Span())
        return
    span = gap.span
    db.execute(
        "INSERT INTO gap (sensor, reason, windows, first_us, last_us, first_seq, last_seq, origin_epoch, origin_number)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            sensor,
            gap.reason,
            gap.windows,
            span.first_us,
            span.last_us,
            span.first_seq,
            span.last_seq,
            str(gap.epoch),
            gap.number,
        ),
    )


def _load(row: tuple[Any, ...]) -> Gap | None:
    """Return a gap, None if it is damaged."""
    number, epoch, origin, sensor, reason, windows, *span = row
    try:
        gap = Gap(number, UUID(epoch), origin, sensor, LossReason(reason).value, windows, Span(*span))
    except (TypeError, ValueError, AttributeError):
        return None
    return gap if is_sound(gap) else None


def is_sound(gap: Gap) -> bool:
    """Whether a gap can be told: no count, number or time is out of its range."""
    counts = (gap.windows, gap.span.first_seq, gap.span.last_seq)
    times = (gap.span.first_us, gap.span.last_us)
    return (
        all(each is None or _seq(each) is not None for each in counts)
        and all(each is None or _time(each) is not None for each in times)
        and isinstance(gap.number, int)
        and 1 <= gap.number < _INT64
    )


def _is_near(last: tuple[Any, ...], span: Span, windows: int | None) -> bool:
    """Whether the two touch in time, or nothing is known of the times; a known number does not join an unknown one."""
    _, before, first_us, last_us, *_ = last
    if (before is None) != (windows is None):
        return False
    if last_us is None or span.first_us is None or span.last_us is None:
        return last_us is None and span.first_us is None
    return bool(span.first_us <= last_us + _NEAR_US and span.last_us >= (first_us or last_us) - _NEAR_US)


def _join(one: Span, other: Span) -> Span:
    return Span(
        _least(one.first_us, other.first_us),
        _most(one.last_us, other.last_us),
        _least(one.first_seq, other.first_seq),
        _most(one.last_seq, other.last_seq),
    )


def _least(one: int | None, other: int | None) -> int | None:
    known = [value for value in (one, other) if value is not None]
    return min(known, default=None)


def _most(one: int | None, other: int | None) -> int | None:
    known = [value for value in (one, other) if value is not None]
    return max(known, default=None)


def _time(value: Any) -> int | None:
    """Return a time that can be told: a damaged row may hold anything, and one whose time is not known yet has none."""
    return value if isinstance(value, int) and PROVISIONAL_BEFORE_US <= value < TIME_LIMIT_US else None


def _seq(value: Any) -> int | None:
    return value if isinstance(value, int) and 0 <= value < _INT64 else None
