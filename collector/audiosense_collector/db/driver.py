"""Statements past SQLAlchemy, for the ways on which its share of the time would be the largest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy.ext.asyncio import AsyncSession

Row = tuple[Any, ...]
_KNOWN = "driver of a transaction"


@dataclass(frozen=True, slots=True)
class Query:
    """A statement of psycopg's with its parameters."""

    text: str
    parameters: Mapping[str, Any] | None = None


async def driver(session: AsyncSession) -> psycopg.AsyncConnection[Row]:
    """Return the connection of a session's transaction."""
    transaction, raw = session.info.get(_KNOWN, (None, None))
    if transaction is None or transaction is not session.sync_session.get_transaction():
        raw = (await (await session.connection()).get_raw_connection()).driver_connection
    assert isinstance(raw, psycopg.AsyncConnection)
    session.info[_KNOWN] = (session.sync_session.get_transaction(), raw)
    return raw


async def fetch(session: AsyncSession, query: str, parameters: Mapping[str, Any]) -> list[Row]:
    """Run a query of psycopg's in a session's transaction and return plain rows, sent and read in binary."""
    connection = await driver(session)
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(query.encode(), parameters)
        return await cursor.fetchall()


async def fetch_each(connection: psycopg.AsyncConnection[Row], queries: Sequence[Query]) -> list[list[Row]]:
    """Send statements without waiting in between; returns the rows of each, sent and read in binary.

    One that returns no rows, such as ``SET``, has none.
    """
    cursors = [connection.cursor(binary=True) for _ in queries]
    async with connection.pipeline():
        for cursor, query in zip(cursors, queries, strict=True):
            await cursor.execute(query.text.encode(), query.parameters)
    return [await cursor.fetchall() if _has_rows(cursor) else [] for cursor in cursors]


def _has_rows(cursor: psycopg.AsyncCursor[Row]) -> bool:
    """Whether a statement returns rows; ``description`` says so too, but makes an object for each column first."""
    return cursor.pgresult is not None and cursor.pgresult.nfields > 0
