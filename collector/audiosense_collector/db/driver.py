"""Statements past SQLAlchemy, for the ways on which its share of the time would be the largest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy.ext.asyncio import AsyncSession

Row = tuple[Any, ...]
_KNOWN = "driver of a transaction"


@dataclass(frozen=True, slots=True)
class Query:
    """A statement of psycopg's with its parameters; ``prepare`` says whether ``pipelined`` is to keep it prepared."""

    text: str
    parameters: Mapping[str, Any] | None = None
    prepare: bool = True


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
