"""Reading the log of changes: pages, what can be asked for, the whole of it as a table."""

import csv
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Query
from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.auth.schemas import ChangeOut, ChangePage, ChangeTerms
from audiosense_collector.auth.tables import AuditEntry
from audiosense_collector.clock import SECOND_US
from audiosense_collector.db.engine import Sessions
from audiosense_collector.paging import MAX_LIMIT, page_by_id
from audiosense_common.wire import TIME_LIMIT_US

LOOKED_THROUGH = 10_000
"""Newest entries among which it is looked up who did what."""
COLUMNS = ("id", "at_utc", "actor", "address", "action", "subject", "subject_id", "before", "after", "request_id")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
Word = Annotated[str | None, Query(max_length=100)]
Time = Query(ge=0, lt=TIME_LIMIT_US)


@dataclass(frozen=True, slots=True)
class ChangeFilter:
    """Which entries are wanted; what is None lets all pass. Times are UTC microseconds, ``to_us`` is not included."""

    actor: Word = None
    action: Word = None
    subject: Word = None
    subject_id: Word = None
    from_us: Annotated[int | None, Time] = None
    to_us: Annotated[int | None, Time] = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return what must hold of an entry."""
        columns = (
            (AuditEntry.actor, self.actor),
            (AuditEntry.action, self.action),
            (AuditEntry.subject, self.subject),
            (AuditEntry.subject_id, self.subject_id),
        )
        found: list[ColumnElement[bool]] = [column == value for column, value in columns if value is not None]
        if self.from_us is not None:
            found.append(AuditEntry.at >= self.from_us)
        if self.to_us is not None:
            found.append(AuditEntry.at < self.to_us)
        return found


async def read(
    session: AsyncSession, wanted: ChangeFilter, *, limit: int = 100, before: int | None = None
) -> ChangePage:
    """Return a page of entries, the newest first."""
    rows, more = await page_by_id(session, AuditEntry, wanted.conditions(), limit=limit, before=before)
    return ChangePage(items=[_show(row) for row in rows], next=more)


async def terms(session: AsyncSession) -> ChangeTerms:
    """Return who did what to what, each once and in order, among the newest entries."""
    columns = (AuditEntry.actor, AuditEntry.action, AuditEntry.subject)
    newest = select(*columns).order_by(AuditEntry.id.desc()).limit(LOOKED_THROUGH).subquery()
    found = (await session.execute(select(newest).distinct())).all()
    actors, actions, subjects = (sorted({row[number] for row in found}) for number in range(len(columns)))
    return ChangeTerms(actors=actors, actions=actions, subjects=subjects)


async def write_csv(sessions: Sessions, wanted: ChangeFilter) -> AsyncIterator[str]:
    """Yield the entries as CSV (RFC 4180), the newest first, each page in a transaction of its own.

    The last line is ``# rows: N``: a file without it was cut off. A cell that a spreadsheet would take for a formula
    begins with an apostrophe.
    """
    yield _line(COLUMNS)
    before, count = None, 0
    while True:
        async with sessions() as session:
            page = await read(session, wanted, limit=MAX_LIMIT, before=before)
        count += len(page.items)
        yield "".join(_line(_cells(item)) for item in page.items)
        before = page.next
        if before is None:
            break
    yield f"# rows: {count}\r\n"


def _cells(item: ChangeOut) -> tuple[Any, ...]:
    at = datetime.fromtimestamp(item.at_us / SECOND_US, UTC).isoformat(timespec="milliseconds")
    changes = (None if each is None else json.dumps(each, ensure_ascii=False) for each in (item.before, item.after))
    return (
        item.id,
        at,
        item.actor,
        item.address,
        item.action,
        item.subject,
        item.subject_id,
        *changes,
        item.request_id,
    )


def _line(cells: tuple[Any, ...]) -> str:
    text = io.StringIO()
    safe = (f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell for cell in cells)
    csv.writer(text).writerow(safe)
    return text.getvalue()


def _show(row: AuditEntry) -> ChangeOut:
    return ChangeOut(
        id=row.id,
        at_us=row.at,
        actor=row.actor,
        address=row.address,
        action=row.action,
        subject=row.subject,
        subject_id=row.subject_id,
        before=row.before,
        after=row.after,
        request_id=row.request_id,
    )
