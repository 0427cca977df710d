"""Rows of a table as plain objects, for the ways on which SQLAlchemy's share of the time would be the largest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar, cast

from pydantic_core import from_json
from sqlalchemy import inspect
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clock import to_us
from audiosense_collector.db.base import MicrosecondTime, Table
from audiosense_collector.db.driver import Query, fetch

T = TypeVar("T", bound=Table)


class PlainRow:
    """A row as it was loaded, its columns as attributes under the names that the mapped class gives them.

    Rules read and change it as they do an object of the mapped class, but no session knows it: what was changed is
    written by ``bulk_update.update_and_commit``. JSON comes as text and is parsed when it is read: most of it never is.
    """

    def __init__(self, table: type[Table], loaded: dict[str, Any], texts: dict[str, str]) -> None:
        self.__dict__.update(loaded)
        self.__loaded = loaded
        self.__texts = texts
        self.__table = table

    def __getattr__(self, name: str) -> Any:
        """Parse a column of JSON that is read for the first time."""
        text = self.__dict__.get("_PlainRow__texts", {}).pop(name, None)
        if text is None:
            raise AttributeError(f"a row of {self.__table.__tablename__} has no attribute {name!r}")
        value = self.__dict__[name] = self.__loaded[name] = from_json(text)
        return value

    def mapped_class(self) -> type[Table]:
        """Return the class of the table that the row is of."""
        return self.__table

    def changed_names(self) -> set[str]:
        """Return the names of the attributes that are not as they were loaded, or were set without being read."""
        now = self.__dict__
        changed = {name for name, before in self.__loaded.items() if now[name] is not before and now[name] != before}
        return changed | (self.__texts.keys() & now.keys())


async def load(session: AsyncSession, table: type[T], rest: str, parameters: Mapping[str, Any]) -> list[T]:
    """Return rows of a table as plain objects that look like those of its class; ``rest`` follows ``FROM table``."""
    query = query_of(table, rest, parameters)
    return read(table, await fetch(session, query.text, parameters))


def query_of(table: type[T], rest: str, parameters: Mapping[str, Any]) -> Query:
    """Return the query whose rows ``read`` takes."""
    return Query(f"{_form(table).query} {rest}", parameters)


def read(table: type[T], rows: Sequence[Sequence[Any]]) -> list[T]:
    """Return rows of a table as plain objects."""
    form = _form(table)
    return cast(list[T], [form.make(row) for row in rows])


@dataclass(frozen=True, slots=True)
class _Form:
    """How rows of a table are queried and read: names of its columns, and those that are times and JSON."""

    table: type[Table]
    query: str
    names: tuple[str, ...]
    times: tuple[str, ...]
    texts: tuple[str, ...]

    def make(self, row: Sequence[Any]) -> PlainRow:
        values = dict(zip(self.names, row, strict=True))
        for name in self.times:
            if values[name] is not None:
                values[name] = to_us(values[name])
        texts = {name: values.pop(name) for name in self.texts if values[name] is not None}
        return PlainRow(self.table, values, texts)


@cache
def _form(table: type[Table]) -> _Form:
    columns, name = inspect(table).columns, table.__tablename__
    texts = tuple(key for key, column in columns.items() if isinstance(column.type, JSONB))
    casts = dict.fromkeys(texts, "::text")
    chosen = ", ".join(f'"{name}"."{column.key}"{casts.get(key, "")}' for key, column in columns.items())
    times = tuple(key for key, column in columns.items() if isinstance(column.type, MicrosecondTime))
    query = f'SELECT {chosen} FROM "{name}"'  # noqa: S608 - names of ours
    return _Form(table, query, tuple(columns.keys()), times, texts)
