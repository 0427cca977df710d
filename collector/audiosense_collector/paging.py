"""Cursors of lists: where a page ended, in a form that only the collector reads."""

import base64
import json
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Query
from sqlalchemy import ColumnElement, inspect, select
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clock import to_datetime
from audiosense_collector.db.base import Table
from audiosense_collector.errors import InvalidError

T = TypeVar("T", bound=Table)
MAX_LIMIT = 1_000
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="items on a page")]
Before = Annotated[str | None, Query(max_length=1_000, description="`next` of the page before, for the one after it")]
After = Before
"""The same for lists that grow at their end."""
BeforeId = Annotated[int | None, Query(ge=1, lt=2**63, description="`next` of the page before, for the one after it")]
"""The same for logs that are read by ``page_by_id``."""


async def page_by_id(
    session: AsyncSession,
    table: type[T],
    conditions: Iterable[ColumnElement[bool]],
    *,
    limit: int,
    before: int | None,
) -> tuple[list[T], int | None]:
    """Return a page of a log, the newest first, and the ``before`` of the one after it, None at the end.

    ``conditions`` must all hold of an entry. The table's ``id`` grows with each entry.
    """
    number: Any = inspect(table).primary_key[0]
    query = select(table).order_by(number.desc()).limit(limit + 1)
    query = query.where(*conditions)
    rows = list(await session.scalars(query if before is None else query.where(number < before)))
    return rows[:limit], getattr(rows[limit - 1], number.name) if len(rows) > limit else None


def encode(*place: str | int | UUID) -> str:
    """Return the cursor of an item's place in the order of its list."""
    text = json.dumps([str(each) if isinstance(each, UUID) else each for each in place], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str, kinds: Sequence[type[str] | type[int] | type[UUID]], *, loc: str = "before") -> tuple[Any, ...]:
    """Return an item's place; a number is a time in UTC microseconds.

    Raises:
        InvalidError: it is no cursor of this list.
    """
    try:
        found = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return _read(found, kinds)
    except (ValueError, OverflowError, RecursionError):
        raise InvalidError(f"{loc}: take it from the `next` of another page", loc=loc) from None


def _read(found: Any, kinds: Sequence[type[str] | type[int] | type[UUID]]) -> tuple[Any, ...]:
    written = [int if kind is int else str for kind in kinds]
    if not isinstance(found, list) or [type(each) for each in found] != written:
        raise ValueError(found)
    place = tuple(kind(each) for kind, each in zip(kinds, found, strict=True))
    for each in place:
        if isinstance(each, int):
            to_datetime(each)
        if isinstance(each, str) and "\0" in each:
            raise ValueError(each)
    return place
