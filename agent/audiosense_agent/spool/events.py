"""Event revisions in the spool."""

import contextlib
import json
import sqlite3
from dataclasses import asdict
from uuid import UUID

from audiosense_agent.events import EventRevision
from audiosense_agent.spool.values import count
from audiosense_common.wire import EventState, Reason

MAX_EVENTS = 10_000
"""Most event revisions that wait; beyond them the oldest are dropped, and counted."""
_DAMAGE = (ValueError, TypeError, KeyError)
"""What reading a damaged event raises."""


def insert_event(db: sqlite3.Connection, event: EventRevision) -> None:
    """Store an event revision; the last one of each open event is kept until the event is closed."""
    told = [reason.model_dump(exclude_none=True) for reason in event.reasons]
    content = json.dumps(asdict(event) | {"id": str(event.id), "reasons": told}, separators=(",", ":"))
    db.execute("INSERT INTO event (content) VALUES (?)", (content,))
    if event.state is EventState.CLOSE:
        db.execute("DELETE FROM open_event WHERE event = ?", (str(event.id),))
    else:
        db.execute("INSERT OR REPLACE INTO open_event (event, content) VALUES (?, ?)", (str(event.id), content))


def load_event(content: str) -> EventRevision:
    """Read an event revision back."""
    fields = json.loads(content)
    reasons = tuple(map(Reason.model_validate, fields.get("reasons", ())))
    read = {"id": UUID(fields["id"]), "state": EventState(fields["state"]), "reasons": reasons}
    return EventRevision(**fields | read)


def select_events(db: sqlite3.Connection, limit: int) -> tuple[list[tuple[int, EventRevision]], list[int]]:
    """Return up to ``limit`` event revisions with their row numbers, oldest first, and the numbers of damaged ones."""
    good, bad = [], []
    for number, content in db.execute("SELECT id, content FROM event ORDER BY id LIMIT ?", (limit,)):
        try:
            good.append((number, load_event(content)))
        except _DAMAGE:
            bad.append(number)
    return good, bad


def select_open_events(db: sqlite3.Connection) -> list[EventRevision]:
    """Return the last revision of each open event; one that is damaged cannot be closed and is left out."""
    found = []
    for (content,) in db.execute("SELECT content FROM open_event"):
        with contextlib.suppress(*_DAMAGE):
            found.append(load_event(content))
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
