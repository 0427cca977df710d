"""Writing what was changed of many loaded rows by one statement, where SQLAlchemy would send one for each row."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any, Self

from pydantic_core import to_json
from sqlalchemy import ColumnElement, inspect
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.db import binary_array
from audiosense_collector.db.base import Table
from audiosense_collector.db.binary_array import BinaryArray
from audiosense_collector.db.driver import Query, driver
from audiosense_collector.db.pipelined import fetch_each
from audiosense_collector.db.plain import PlainRow

_DIALECT = postgresql.psycopg.dialect()  # type: ignore[no-untyped-call]
_COMMIT = Query("COMMIT", prepare=False)


async def update_and_commit(session: AsyncSession, *tables: Sequence[Table]) -> None:
    """Write what was changed of rows whose primary key is ``id``, of each table by one statement, and commit with them.

    All is sent at once; the session's own commit, which must be the next thing it does, finds nothing left to do. A
    table's rows are of the mapped class, which the session lets go of then, or all of them plain rows, which no session
    has. They must be locked: a column that changed in one of them is written in all, as it was loaded.
    """
    updates = [update for rows in tables if (update := _update(rows)) is not None]
    for row in chain.from_iterable(tables):
        if not isinstance(row, PlainRow):
            session.expunge(row)
    if updates:
        await session.flush()
        await fetch_each(await driver(session), [*updates, _COMMIT])


def _update(rows: Sequence[Table]) -> Query | None:
    changed = [(row, _changes(row)) for row in rows]
    written = [row for row, names in changed if names]
    if not written:
        return None
    names = sorted(set().union(*(names for _, names in changed)))
    query, columns = _statement(_table(written[0]), ("id", *names))
    # Not prepared: what went before may have rolled back to a savepoint, after which psycopg takes away what was.
    return Query(query, {column.alias: column.values(written) for column in columns}, prepare=False)


@dataclass(frozen=True, slots=True)
class _Column:
    """A column as an array that is a parameter; JSON travels as text, and null is never JSON's own."""

    name: str
    alias: str
    parameter: str
    assignment: str
    kind: str
    is_json: bool

    @classmethod
    def of(cls, name: str, column: ColumnElement[Any], place: int) -> Self:
        alias, is_json = f"c{place}", isinstance(column.type, JSONB)
        kind = "text" if is_json else column.type.compile(_DIALECT)
        source = f"new.{alias}::jsonb" if is_json else f"new.{alias}"
        return cls(name, alias, f"%({alias})b::{kind}[]", f'"{column.key}" = {source}', kind, is_json)

    def values(self, rows: Sequence[Table]) -> BinaryArray:
        values = [getattr(row, self.name) for row in rows]
        return binary_array.of(self.kind, [_dump(value) for value in values] if self.is_json else values)


@cache
def _statement(kind: type[Table], names: tuple[str, ...]) -> tuple[str, list[_Column]]:
    known, table = inspect(kind).columns, kind.__tablename__
    columns = [_Column.of(name, known[name], place) for place, name in enumerate(names)]
    query = (
        f'UPDATE "{table}" SET {", ".join(column.assignment for column in columns[1:])}'  # noqa: S608 - names of ours
        f" FROM unnest({', '.join(column.parameter for column in columns)})"
        f' AS new ({", ".join(column.alias for column in columns)}) WHERE "{table}".id = new.{columns[0].alias}'
    )
    return query, columns


def _dump(value: Any) -> str | None:
    return None if value is None else to_json(value, inf_nan_mode="constants").decode()


def _table(row: Table | PlainRow) -> type[Table]:
    return row.mapped_class() if isinstance(row, PlainRow) else type(row)


def _changes(row: Table | PlainRow) -> set[str]:
    if isinstance(row, PlainRow):
        return row.changed_names()
    state = inspect(row)
    return set(state.mapper.columns.keys()) - state.unmodified
