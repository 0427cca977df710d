"""How much the spool may hold, and for how long."""

import sqlite3
from dataclasses import dataclass
from enum import StrEnum

from audiosense_agent.spool.gaps import LossReason
from audiosense_agent.spool.rows import NOT_IN_FLIGHT, RESCUED_ROWS, as_list, take_out, take_out_rescued, used_bytes

DAY_US = 86_400_000_000
FIRST_US = 1_577_836_800_000_000
"""2020-01-01 UTC: a clock or a window before it says nothing of its age."""
_CHUNK = 1_000
_MOST_CHUNKS = 20


class Policy(StrEnum):
    """Which windows give way where the spool is full."""

    DROP_OLDEST = "drop_oldest"
    KEEP_OLDEST = "keep_oldest"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the spool may hold.

    Attributes:
        max_bytes: of pages in use; a batch in flight and the newest window stay all the same.
        policy: what gives way beyond ``max_bytes``.
        max_age_days: older windows are dropped; 0: none for its age.
        max_dead_letters: the newest so many are kept.
    """

    max_bytes: int = 512 * 2**20
    policy: Policy = Policy.DROP_OLDEST
    max_age_days: float = 0.0
    max_dead_letters: int = 1_000


def advance(reference_us: int | None, elapsed_us: int, wall_us: int) -> int | None:
    """Return the time that ages are judged by, ``elapsed_us`` of running after it was ``reference_us``.

    It follows the wall clock but never goes faster than time passes: a clock that is set far ahead makes nothing old.
    One that is set back holds it back. None: not known yet.
    """
    if wall_us < FIRST_US:
        return None if reference_us is None else reference_us + elapsed_us
    return wall_us if reference_us is None else min(reference_us + elapsed_us, wall_us)


def is_full(db: sqlite3.Connection, limits: Limits) -> bool:
    """Whether no more is to be stored under ``keep_oldest``."""
    return limits.policy is Policy.KEEP_OLDEST and used_bytes(db) >= limits.max_bytes


def hold_bytes(db: sqlite3.Connection, limits: Limits) -> None:
    """Under ``drop_oldest`` take out the oldest measurements beyond the cap; those in flight and the newest stay."""
    used = used_bytes(db)
    if limits.policy is not Policy.DROP_OLDEST or used <= limits.max_bytes:
        return
    excess = (used - limits.max_bytes) / used
    if _give_way_rescued(db, excess):
        return
    newest = "seq < (SELECT max(seq) FROM measurement)"
    before = _nth(db, "measurement", "seq", f"{NOT_IN_FLIGHT} AND {newest}", excess)
    take_out(db, f"seq < ? AND {NOT_IN_FLIGHT}", (before,), LossReason.SPOOL_FULL)


def _give_way_rescued(db: sqlite3.Connection, excess: float) -> int:
    """Take out the oldest of what was rescued, which is older than anything else here; return how many that were."""
    free = "id > (SELECT coalesce(max(rescued), 0) FROM in_flight)"
    before = _nth(db, "rescued", "id", free, excess)
    return take_out_rescued(db, f"id < ? AND {free}", (before,), LossReason.SPOOL_FULL)


def _nth(db: sqlite3.Connection, table: str, key: str, condition: str, excess: float) -> int:
    """Return the number before which rows give way, so that a share ``excess`` of them, and a little more, does."""
    name = "rows" if table == "measurement" else RESCUED_ROWS
    rows = db.execute("SELECT coalesce(max(value), 0) FROM counter WHERE name = ?", (name,)).fetchone()[0]
    surplus = int(rows * excess) + rows // 50
    query = f"SELECT {key} FROM {table} WHERE {condition} ORDER BY {key} LIMIT {surplus + 1}"
    last = db.execute(f"SELECT max({key}) FROM ({query})").fetchone()[0]
    return 0 if last is None else int(last) + 1


def drop_old(db: sqlite3.Connection, limits: Limits, reference_us: int | None) -> None:
    """Take out measurements that were heard longer ago than allowed, the oldest first, so many at a time.

    Windows whose time is before ``FIRST_US`` are of unknown age, and stay.
    """
    if not limits.max_age_days or reference_us is None:
        return
    before_us = reference_us - round(limits.max_age_days * DAY_US)
    last = -1
    for _ in range(_MOST_CHUNKS):
        rows = db.execute(
            "SELECT m.seq, m.time_us + coalesce(b.offset_us, 0) AS at_us FROM measurement m"
            " LEFT JOIN boot b ON b.id = m.boot"
            " WHERE m.seq > ? AND typeof(m.time_us) = 'integer' AND at_us >= ? ORDER BY m.seq LIMIT ?",
            (last, FIRST_US, _CHUNK),
        ).fetchall()
        old = [seq for seq, at_us in rows if at_us < before_us]
        if not old:
            return
        last = rows[-1][0]
        chosen = f"seq IN (SELECT value FROM json_each(?)) AND {NOT_IN_FLIGHT}"
        take_out(db, chosen, (as_list(old),), LossReason.TOO_OLD)
