"""Event revisions in the spool."""

import contextlib
import json
import sqlite3
from collections.abc import Collection

from audiosense_agent.events import EventRevision
from audiosense_agent.spool.boots import EVENT_MARK, hold_event
from audiosense_agent.spool.event_json import dump_event, event_crc, load_whole_event
from audiosense_agent.spool.values import count
from audiosense_agent.spool.withheld import OTHERS_EVENTS
from audiosense_common.wire import EventState

MAX_EVENTS = 10_000
"""Most event revisions that wait; beyond them the oldest are dropped, and counted."""
_DAMAGE = (ValueError, TypeError, KeyError)
"""What reading a damaged event raises."""


def insert_event(db: sqlite3.Connection, event: EventRevision, boot: int | None = None) -> None:
    """Store an event revision; the last one of each open event is kept until the event is closed.

    ``boot`` is the one whose steady clock told the event's time, if that is provisional.
    """
    event, held_by = (event, None) if boot is None else hold_event(db, boot, event)
    content = dump_event(event, held_by)
    crc = event_crc(content)
    db.execute("INSERT INTO event (content, crc) VALUES (?, ?)", (content, crc))
    if event.state is EventState.CLOSE:
        db.execute("DELETE FROM open_event WHERE event = ?", (str(event.id),))
    else:
        keep_open(db, event, held_by)


def keep_open(db: sqlite3.Connection, event: EventRevision, held_by: int | None) -> None:
    """Keep the last revision of an event that is not closed yet."""
    content = dump_event(event, held_by)
    db.execute(
        "INSERT OR REPLACE INTO open_event (event, content, crc) VALUES (?, ?, ?)",
        (str(event.id), content, event_crc(content)),
    )


def select_events(
    db: sqlite3.Connection, limit: int, withheld: Collection[str] = ()
) -> tuple[list[tuple[int, EventRevision]], list[int]]:
    """Return up to ``limit`` event revisions with their row numbers, oldest first, and the numbers of damaged ones.

    Those whose time is not known wait, and those of the sensors named in ``withheld``.
    """
    good, bad = [], []
    others = f" AND {OTHERS_EVENTS}" if withheld else ""
    query = f"SELECT id, content, crc FROM event WHERE NOT instr(content, ?){others} ORDER BY id LIMIT ?"
    values = (json.dumps(sorted(withheld)),) if withheld else ()
    for number, content, crc in db.execute(query, (EVENT_MARK, *values, limit)):
        try:
            good.append((number, load_whole_event(content, crc)))
        except _DAMAGE:
            bad.append(number)
    return good, bad


def select_open_events(db: sqlite3.Connection) -> list[EventRevision]:
    """Return the last revision of each open event; one that is damaged cannot be closed and is left out.

    Those whose time is not known are closed when it is.
    """
    found = []
    for content, crc in db.execute("SELECT content, crc FROM open_event WHERE NOT instr(content, ?)", (EVENT_MARK,)):
        with contextlib.suppress(*_DAMAGE):
            found.append(load_whole_event(content, crc))
    return found


def hold_events(db: sqlite3.Connection) -> None:
    """Drop the oldest event revisions beyond ``MAX_EVENTS``; those in flight stay."""
    row = db.execute("SELECT events FROM in_flight").fetchone()
    dropped = db.execute(
        "DELETE FROM event WHERE id <= (SELECT max(id) FROM event) - ? AND id NOT IN (SELECT value FROM json_each(?))",
        (MAX_EVENTS, "[]" if row is None else row[0]),
    ).rowcount
    if dropped:
        count(db, "dropped", dropped)
