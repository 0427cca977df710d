"""Query results as arrays: a column comes as one value, and no Python object is made of a row."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncSession

JSON = "json"
TIME = "time"
_NUMBERS = {TIME: ">i8", "int8": ">i8", "int4": ">i4", "int2": ">i2", "float4": ">f4", "float8": ">f8"}
_EPOCH_US = 946_684_800_000_000
"""PostgreSQL counts microseconds from 2000 on; its own conversion would take longer than reading the row."""
_HEADER_BYTES = 20
"""Of an array of one dimension: dimensions, whether it has nulls, type, length, lower bound."""

Columns = dict[str, Any]
"""An array of shape (rows,) for numbers, (rows, width) for bytes, a list for JSON."""


async def read_columns(
    session: AsyncSession, query: str, parameters: Mapping[str, Any], kinds: Mapping[str, str]
) -> Columns:
    """Run a query and return its columns, the rows in its order.

    Args:
        session: in whose transaction it is read.
        query: selects the columns that ``kinds`` names; numbers and bytes without nulls.
        parameters: of the query, as psycopg takes them.
        kinds: ``time``, which comes as UTC microseconds, ``int8``, ``int4``, ``int2``, ``float4``, ``float8``,
            ``json``, or ``bytes:N`` for N bytes in each row.
    """
    outer = ", ".join(_collect(name, kind) for name, kind in kinds.items())
    raw = (await (await session.connection()).get_raw_connection()).driver_connection
    assert isinstance(raw, psycopg.AsyncConnection)
    statement = f"SELECT {outer} FROM ({query}) AS row"  # noqa: S608 - made of constants
    async with raw.cursor(binary=True) as cursor:
        await cursor.execute(statement.encode(), parameters)
        row = await cursor.fetchone()
    assert row is not None
    return {name: _decode(value, kind) for (name, kind), value in zip(kinds.items(), row, strict=True)}


def _collect(name: str, kind: str) -> str:
    if kind == JSON:
        return f"array_agg(row.{name})"
    return f"string_agg(row.{name}, ''::bytea)" if kind.startswith("bytes:") else f"array_send(array_agg(row.{name}))"


def _decode(value: Any, kind: str) -> Any:
    if kind == JSON:
        return value or []
    if kind.startswith("bytes:"):
        return np.frombuffer(value or b"", np.uint8).reshape(-1, int(kind.removeprefix("bytes:")))
    number = np.dtype(_NUMBERS[kind])
    if value is None:
        return np.zeros(0, number.newbyteorder("="))
    cells = np.frombuffer(value, np.dtype([("length", ">i4"), ("value", number)]), offset=_HEADER_BYTES)
    values = cells["value"].astype(number.newbyteorder("="))
    return values + _EPOCH_US if kind == TIME else values


def shorten(values: NDArray[Any]) -> list[float | None]:
    """Return numbers of single precision with the nine digits that tell each from all others; NaN as None."""
    wide = np.asarray(values, np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        unit = 10.0 ** np.clip(8 - np.floor(np.log10(np.abs(wide))), -300, 300)
        rounded = np.where((wide == 0) | ~np.isfinite(wide), wide, np.rint(wide * unit) / unit)
    return nullable(rounded)


def nullable(values: NDArray[Any]) -> list[float | None]:
    """Return numbers, NaN as None."""
    wide = np.asarray(values, np.float64)
    listed: list[float | None] = wide.tolist()
    for place in np.flatnonzero(np.isnan(wide)).tolist():
        listed[place] = None
    return listed
