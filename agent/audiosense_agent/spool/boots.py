"""Measurements and events in the spool whose time is not known yet, and what gives it to them.

Rows that were heard before the clock was right keep the time that the steady clock told, and name the boot that it
counts from. What the steady clock is off from UTC is kept once for each boot: giving a million rows their time is one
row written, in one transaction, and no row is ever stamped twice.
"""

import contextlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from audiosense_agent.clock import PROVISIONAL_BEFORE_US, is_provisional
from audiosense_agent.events import EventRevision
from audiosense_agent.spool.event_json import BOOT, dump_event, event_crc, load_boot, load_whole_event
from audiosense_common.wire import TIME_LIMIT_US, EventState

HELD_FROM = "held_from"
"""In ``meta``: the first sequence number that must wait for its time; empty if none does."""
HELD_EVENTS = "held_events"
"""In ``meta``: not empty if events wait for their time."""
HELD_RESCUED = "held_rescued"
"""In ``meta``: not empty if rescued measurements wait for their time."""
_HELD = (HELD_FROM, HELD_EVENTS, HELD_RESCUED)
EVENT_MARK = f'"{BOOT}":'
"""Stands in the JSON of an event whose time is not known yet."""


@dataclass(frozen=True, slots=True)
class KnownBoot:
    """A boot as another file has it; ``offset_us`` is UTC less its steady clock, None where it is not known."""

    name: str
    offset_us: int | None = None
    is_estimated: bool = False


@dataclass(slots=True)
class _Heard:
    """What waits of a boot: the last time that its steady clock told, and the first known time after its last row."""

    last_us: int = 0
    follower_us: int = TIME_LIMIT_US


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
    query = "SELECT EXISTS (SELECT 1 FROM meta WHERE key IN (?, ?, ?) AND value <> '')"
    return bool(db.execute(query, _HELD).fetchone()[0])


def read_boots(db: sqlite3.Connection) -> dict[int, KnownBoot]:
    """Return the boots of a file by number, as far as they are whole."""
    rows = db.execute("SELECT id, name, offset_us, estimated FROM boot").fetchall()
    return {number: boot for number, *told in rows if (boot := as_boot(told)) is not None}


def as_boot(told: Sequence[object]) -> KnownBoot | None:
    """Return the boot of which a file tells name, offset and whether that is estimated; None if it cannot be one."""
    name, offset_us, estimated = told
    if not isinstance(name, str) or not isinstance(offset_us, int | None):
        return None
    is_possible = offset_us is None or PROVISIONAL_BEFORE_US - TIME_LIMIT_US < offset_us < TIME_LIMIT_US
    return KnownBoot(name, offset_us, bool(estimated)) if is_possible else None


def adopt_boot(db: sqlite3.Connection, epoch: str, boot: KnownBoot) -> int:
    """Return the row number of a boot of another file, whose epoch that is; made on first use.

    Where this file gave the same boot another offset, that file's rows keep theirs: some may have been sent with it.
    """
    number = boot_id(db, boot.name)
    mine_us = boot_offset(db, number)
    if boot.offset_us is None or boot.offset_us == mine_us:
        return number
    if mine_us is not None:
        number = boot_id(db, f"{boot.name} of {epoch}")
    told = (boot.offset_us, int(boot.is_estimated), number)
    db.execute("UPDATE boot SET offset_us = ?, estimated = ? WHERE id = ?", told)
    return number


def adopt_number(db: sqlite3.Connection, epoch: str, boots: Mapping[int, KnownBoot], number: object) -> int:
    """As ``adopt_boot`` by the other file's number; one that it does not tell of gets an estimated time like others."""
    known = boots.get(number) if isinstance(number, int) else None
    return adopt_boot(db, epoch, known or KnownBoot(f"{number} of {epoch}"))


def hold_rescued(db: sqlite3.Connection, boot: int) -> None:
    """Note that rescued measurements of a boot wait, unless its time is known."""
    if boot_offset(db, boot) is None:
        _note(db, HELD_RESCUED, "1")


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
    for other, heard in _unknown(db):
        known_us = min(known_us, heard.follower_us) - heard.last_us
        db.execute("UPDATE boot SET offset_us = ?, estimated = 1 WHERE id = ?", (known_us, other))
    db.execute("UPDATE meta SET value = '' WHERE key IN (?, ?, ?)", _HELD)
    return _anchor_events(db, boot)


def _note(db: sqlite3.Connection, key: str, value: str) -> None:
    """Set a value that is still empty."""
    db.execute(
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
        " WHERE value = ''",
        (key, value),
    )


def _unknown(db: sqlite3.Connection) -> list[tuple[int, _Heard]]:
    """Boots whose time is not known, the latest first; those of which all was rescued were before all others."""
    heard, rescued, told = _heard(db), _rescued(db), _told_by_events(db)
    unknown = [row[0] for row in db.execute("SELECT id FROM boot WHERE offset_us IS NULL")]
    unknown.sort(key=lambda boot: (boot in heard or boot not in rescued, boot), reverse=True)
    for boot in unknown:
        each = heard.setdefault(boot, _Heard())
        each.last_us = max(each.last_us, rescued.get(boot, 0), told.get(boot, 0))
    return [(boot, heard[boot]) for boot in unknown]


def _heard(db: sqlite3.Connection) -> dict[int, _Heard]:
    """Read what waits once, from its end, however many boots it is of; damaged times are passed over."""
    found: dict[int, _Heard] = {}
    first, follower_us = held_from(db), TIME_LIMIT_US
    rows = db.execute("SELECT boot, time_us FROM measurement WHERE seq >= ? ORDER BY seq DESC", (first,))
    for boot, time_us in () if first is None else rows:
        if not isinstance(time_us, int) or not 0 <= time_us < TIME_LIMIT_US:
            continue
        if boot is None:
            follower_us = follower_us if is_provisional(time_us) else time_us
        elif is_provisional(time_us):
            each = found.setdefault(boot, _Heard(time_us, follower_us))
            each.last_us = max(each.last_us, time_us)
    return found


def _rescued(db: sqlite3.Connection) -> dict[int, int]:
    """The last time that was rescued of each boot."""
    query = (
        "SELECT boot, max(time_us) FROM rescued WHERE boot IS NOT NULL AND typeof(time_us) = 'integer' GROUP BY boot"
    )
    return dict(db.execute(query).fetchall())


def _told_by_events(db: sqlite3.Connection) -> dict[int, int]:
    """The last time that an event tells of each boot: its rows may be in a file that was set aside."""
    found: dict[int, int] = {}
    for table in ("event", "open_event"):
        for content, crc in db.execute(f"SELECT content, crc FROM {table} WHERE instr(content, ?)", (EVENT_MARK,)):
            with contextlib.suppress(ValueError, TypeError, KeyError):
                boot, event = load_boot(content), load_whole_event(content, crc)
                if boot is not None and is_provisional(event.end_us):
                    found[boot] = max(found.get(boot, 0), event.end_us)
    return found


def _anchor_events(db: sqlite3.Connection, this: int) -> list[EventRevision]:
    """Give provisional events their times; returns closing revisions of those that other boots than ``this`` left open.

    One that is damaged is emptied, for who reads it next to count.
    """
    left_open = []
    for table, key in (("event", "id"), ("open_event", "event")):
        held = f"SELECT {key}, content, crc FROM {table} WHERE instr(content, ?)"
        for number, content, crc in db.execute(held, (EVENT_MARK,)).fetchall():
            known = ""
            with contextlib.suppress(ValueError, TypeError, KeyError):
                boot = int(json.loads(content)[BOOT])
                event = _shift(load_whole_event(content, crc), boot_offset(db, boot) or 0)
                known = dump_event(event)
                if table == "open_event" and boot != this:
                    left_open.append(replace(event, revision=event.revision + 1, state=EventState.CLOSE))
            db.execute(f"UPDATE {table} SET content = ?, crc = ? WHERE {key} = ?", (known, event_crc(known), number))
    return left_open


def _shift(event: EventRevision, offset_us: int) -> EventRevision:
    start_us, end_us, peak_us = (
        time_us + offset_us if is_provisional(time_us) else time_us
        for time_us in (event.start_us, event.end_us, event.peak_us)
    )
    return replace(event, start_us=start_us, end_us=end_us, peak_us=peak_us)
