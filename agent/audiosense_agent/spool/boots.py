"""Measurements and events in the spool whose time is not known yet, and what gives it to them.

Rows that were heard before the clock was right keep the time that the steady clock told, and name the boot that it
counts from. What the steady clock is off from UTC is kept once for each boot: giving a million rows their time is one
row written, in one transaction, and no row is ever stamped twice.
"""

import contextlib
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from audiosense_agent.clock import is_provisional
from audiosense_agent.events import EventRevision
from audiosense_agent.spool.event_json import BOOT, dump_event, load_event
from audiosense_common.wire import EventState

HELD_FROM = "held_from"
"""In ``meta``: the first sequence number that must wait for its time; empty if none does."""
HELD_EVENTS = "held_events"
"""In ``meta``: not empty if events wait for their time."""
EVENT_MARK = f'"{BOOT}":'
"""Stands in the JSON of an event whose time is not known yet."""


def boot_id(db: sqlite3.Connection, name: str) -> int:
    """Return a boot's row number, made on first use."""
    row = db.execute("SELECT id FROM boot WHERE name = ?", (name,)).fetchone()
    if row is None:
        row = (db.execute("INSERT INTO boot (name) VALUES (?)", (name,)).lastrowid,)
    return int(row[0])


def boot_offset(db: sqlite3.Connection, boot: int | str) -> int | None:
    """Return UTC less the steady clock of a boot, by number or name, in microseconds; None while it is not known."""
    found = db.execute("SELECT offset_us FROM boot WHERE id = ? OR name = ?", (boot, str(boot))).fetchone()
    return None if found is None else found[0]


def held_from(db: sqlite3.Connection) -> int | None:
    """Return the first sequence number that must wait for its time."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (HELD_FROM,)).fetchone()
    return int(row[0]) if row and row[0] else None


def is_any_held(db: sqlite3.Connection) -> bool:
    """Whether measurements or events wait for their time."""
    keys = (HELD_FROM, HELD_EVENTS)
    return bool(
        db.execute("SELECT EXISTS (SELECT 1 FROM meta WHERE key IN (?, ?) AND value <> '')", keys).fetchone()[0]
    )


def hold(db: sqlite3.Connection, boot: int, seqs: Sequence[int]) -> None:
    """Mark measurements as provisional; unless their boot's time is known, they and what comes after must wait."""
    db.executemany("UPDATE measurement SET boot = ? WHERE seq = ?", [(boot, seq) for seq in seqs])
    if seqs and boot_offset(db, boot) is None:
        _note(db, HELD_FROM, str(min(seqs)))


def hold_event(db: sqlite3.Connection, boot: int, event: EventRevision) -> tuple[EventRevision, int | None]:
    """Give an event its time if its boot's is known; else return the boot that it must wait for."""
    if not is_provisional(event.start_us):
        return event, None
    offset_us = boot_offset(db, boot)
    if offset_us is not None:
        return _shift(event, offset_us), None
    _note(db, HELD_EVENTS, "1")
    return event, boot


def anchor(db: sqlite3.Connection, boot: int, offset_us: int) -> list[EventRevision]:
    """Give all that waits its time, now that this boot's is known.

    Boots before it that ended without knowing are placed as late as they can have been: the last that they heard comes
    right before what is known to follow. Their rows are marked as estimated.

    Args:
        db: within a transaction.
        boot: this boot.
        offset_us: UTC less its steady clock.

    Returns:
        Revisions that close the events that earlier boots left open; they are to be stored.
    """
    db.execute("UPDATE boot SET offset_us = coalesce(offset_us, ?) WHERE id = ?", (offset_us, boot))
    known_us = offset_us
    for other, first_us, last_us, last_seq in _unknown(db):
        follower = db.execute(
            "SELECT time_us FROM measurement WHERE seq > ? AND boot IS NULL ORDER BY seq LIMIT 1", (last_seq,)
        ).fetchone()
        ends_us = known_us if follower is None else min(known_us, follower[0])
        db.execute("UPDATE boot SET offset_us = ?, estimated = 1 WHERE id = ?", (ends_us - last_us, other))
        known_us = ends_us - last_us + min(0, first_us)
    db.execute("UPDATE meta SET value = '' WHERE key IN (?, ?)", (HELD_FROM, HELD_EVENTS))
    return _anchor_events(db, boot)


def _note(db: sqlite3.Connection, key: str, value: str) -> None:
    """Set a value that is still empty."""
    db.execute(
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
        " WHERE value = ''",
        (key, value),
    )


def _unknown(db: sqlite3.Connection) -> list[tuple[int, int, int, int]]:
    """Boots whose time is not known, the latest first, with the first and last time and the last row of each."""
    return db.execute(
        "SELECT b.id, coalesce(min(m.time_us), 0), coalesce(max(m.time_us), 0), coalesce(max(m.seq), 0) FROM boot b"
        " LEFT JOIN measurement m ON m.boot = b.id AND m.seq >= ?"
        " WHERE b.offset_us IS NULL GROUP BY b.id ORDER BY b.id DESC",
        (held_from(db) or 0,),
    ).fetchall()


def _anchor_events(db: sqlite3.Connection, this: int) -> list[EventRevision]:
    """Give provisional events their times; returns closing revisions of those that other boots than ``this`` left open.

    One that is damaged is emptied, for who reads it next to count.
    """
    left_open = []
    for table, key in (("event", "id"), ("open_event", "event")):
        held = f"SELECT {key}, content FROM {table} WHERE instr(content, ?)"
        for number, content in db.execute(held, (EVENT_MARK,)).fetchall():
            known = ""
            with contextlib.suppress(ValueError, TypeError, KeyError):
                boot = int(json.loads(content)[BOOT])
                event = _shift(load_event(content), boot_offset(db, boot) or 0)
                known = dump_event(event)
                if table == "open_event" and boot != this:
                    left_open.append(replace(event, revision=event.revision + 1, state=EventState.CLOSE))
            db.execute(f"UPDATE {table} SET content = ? WHERE {key} = ?", (known, number))
    return left_open


def _shift(event: EventRevision, offset_us: int) -> EventRevision:
    start_us, end_us, peak_us = (
        time_us + offset_us if is_provisional(time_us) else time_us
        for time_us in (event.start_us, event.end_us, event.peak_us)
    )
    return replace(event, start_us=start_us, end_us=end_us, peak_us=peak_us)
