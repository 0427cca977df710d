"""Queries past SQLAlchemy, for the ways on which its share of the time would be the largest."""

from collections.abc import Mapping
from typing import Any

import psycopg
from sqlalchemy.ext.asyncio import AsyncSession

Row = tuple[Any, ...]


async def driver(session: AsyncSession) -> psycopg.AsyncConnection[Row]:
    """Return the connection of a session's transaction."""
    raw = (await (await session.connection()).get_raw_connection()).driver_connection
    assert isinstance(raw, psycopg.AsyncConnection)
    return raw


async def fetch(session: AsyncSession, query: str, parameters: Mapping[str, Any]) -> list[Row]:
    """Run a query of psycopg's in a session's transaction and return plain rows, sent and read in binary."""
    connection = await driver(session)
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(query.encode(), parameters)
        return await cursor.fetchall()
