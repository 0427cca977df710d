"""Arrays as the binary format of COPY, made for all rows at once.

The format: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format". Rows of the same pattern of nulls
are equally wide, so each pattern is one structured array whose bytes are sent as they are.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import generators
from psycopg.abc import PQGen
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn
from psycopg.waiting import Wait

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
_NULL = -1
_SMALL_BYTES = 64 * 1024
_MOST_AT_ONCE = 2**20
POSTGRES_EPOCH_US = 946_684_800_000_000
"""2000-01-01, from which PostgreSQL counts, in UTC microseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Field:
    """One column, shape (rows,), the type that it is sent as in NumPy's notation, and what of it is null."""

    values: NDArray[Any]
    kind: str
    null: NDArray[np.bool_] | None = None


def integers(values: NDArray[Any], width: int, null: NDArray[np.bool_] | None = None) -> Field:
    """Return a column of smallint, integer or bigint: ``width`` is 2, 4 or 8 bytes."""
    return Field(values, f">i{width}", null)


def reals(values: NDArray[Any], width: int = 4, null: NDArray[np.bool_] | None = None) -> Field:
    """Return a column of real or double precision: ``width`` is 4 or 8 bytes."""
    return Field(values, f">f{width}", null)


def booleans(values: NDArray[np.bool_]) -> Field:
    """Return a column of booleans."""
    return Field(values, "u1")


def times(values_us: NDArray[np.int64]) -> Field:
    """Return a column of timestamps, from UTC microseconds since 1970."""
    return Field(values_us - POSTGRES_EPOCH_US, ">i8")


def from_times(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return UTC microseconds since 1970 of timestamps in PostgreSQL's own count."""
    return values + POSTGRES_EPOCH_US


def uuids(values: Sequence[UUID], places: NDArray[np.intp]) -> Field:
    """Return a column of UUIDs: of each row the one at its place in ``values``."""
    known = np.frombuffer(b"".join([value.bytes for value in values]), "V16")
    return Field(known[places], "V16")


def binaries(values: NDArray[Any]) -> Field:
    """Return a column of bytea: of each row the bytes of its values, shape (rows, …)."""
    entries = math.prod(values.shape[1:])
    kind = f"V{values.dtype.itemsize * entries}"
    return Field(np.ascontiguousarray(values).reshape(len(values), entries).view(kind)[:, 0], kind)


def smallint_arrays(values: NDArray[Any], null: NDArray[np.bool_] | None = None) -> Field:
    """Return a column of smallint[], shape (rows, entries)."""
    return _arrays(values, 2, 21, null)


def integer_arrays(values: NDArray[Any], null: NDArray[np.bool_] | None = None) -> Field:
    """Return a column of integer[], shape (rows, entries)."""
    return _arrays(values, 4, 23, null)


def _arrays(values: NDArray[Any], width: int, type_oid: int, null: NDArray[np.bool_] | None) -> Field:
    rows, entries = values.shape
    made = np.empty(rows, _array_of(entries, width))
    made["head"] = (1, 0, type_oid, entries, 1)
    made["entries"]["width"] = width
    made["entries"]["value"] = values
    kind = f"V{made.dtype.itemsize}"
    return Field(made.view(kind), kind, null)


@lru_cache(maxsize=16)
def _array_of(entries: int, width: int) -> np.dtype[Any]:
    entry = [("width", ">i4"), ("value", f">i{width}")]
    return np.dtype([("head", ">i4", 5), ("entries", entry, entries)])


def encode(fields: Sequence[Field], last: Mapping[int, bytes] | None = None) -> list[bytes]:
    """Return blocks of rows, each of whole rows, in no particular order of the rows.

    Args:
        fields: the columns, at least one.
        last: where given there is one more column at the end, null but for these rows.
    """
    rows = len(fields[0].values)
    if not rows:
        return []
    pattern = np.zeros(rows, np.int64)
    nullable = [field.null for field in fields if field.null is not None]
    for place, null in enumerate(nullable):
        pattern |= null.astype(np.int64) << place
    if last:
        pattern[sorted(last)] |= 1 << len(nullable)
    found = pattern[:1] if (pattern == pattern[0]).all() else np.unique(pattern)
    blocks = []
    for each in found:
        chosen = np.flatnonzero(pattern == each) if len(found) > 1 else None
        block = _encode_alike(fields, chosen, has_last=last is not None)
        if each >> len(nullable) and last is not None and chosen is not None:
            blocks.append(_with_last(block, [last[int(row)] for row in chosen]))
        elif each >> len(nullable) and last is not None:
            blocks.append(_with_last(block, [last[row] for row in range(rows)]))
        else:
            blocks.append(block.tobytes())
    return blocks


def _encode_alike(fields: Sequence[Field], chosen: NDArray[np.intp] | None, *, has_last: bool) -> NDArray[Any]:
    """Encode rows that have their nulls in the same columns."""
    one = 0 if chosen is None else int(chosen[0])
    filled = [None if field.null is not None and field.null[one] else field.kind for field in fields]
    blank = _blank(tuple(filled), has_last=has_last)
    rows = len(fields[0].values) if chosen is None else len(chosen)
    block = np.frombuffer(bytearray(blank.tobytes()) * rows, blank.dtype)
    for place, (field, kind) in enumerate(zip(fields, filled, strict=True)):
        if kind is not None:
            block[f"value{place}"] = field.values if chosen is None else field.values[chosen]
    return block


@lru_cache(maxsize=256)
def _blank(kinds: tuple[str | None, ...], *, has_last: bool) -> NDArray[Any]:
    """Return one row of columns of these types, None where it is null, without its values."""
    layout = [("count", ">i2")]
    for place, kind in enumerate(kinds):
        layout += [(f"width{place}", ">i4"), *([] if kind is None else [(f"value{place}", kind)])]
    blank = np.zeros(1, [*layout, *([("last", ">i4")] if has_last else [])])
    blank["count"] = len(kinds) + has_last
    for place, kind in enumerate(kinds):
        blank[f"width{place}"] = _NULL if kind is None else np.dtype(kind).itemsize
    if has_last:
        blank["last"] = _NULL
    return blank


def _with_last(block: NDArray[Any], values: Iterable[bytes]) -> bytes:
    """Put each row's last column, which is null in the block, in its place."""
    plain = block.view(np.uint8).reshape(len(block), -1)[:, :-4]
    parts = ((row.tobytes(), len(value).to_bytes(4), value) for row, value in zip(plain, values, strict=True))
    return b"".join(chain.from_iterable(parts))


@dataclass(frozen=True, slots=True)
class Copying:
    """A ``COPY … FROM STDIN WITH (FORMAT BINARY)`` and its rows."""

    statement: str
    blocks: Sequence[bytes]


async def copy_in(cursor: psycopg.AsyncCursor[Any], statement: str, blocks: Iterable[bytes]) -> None:
    """Send blocks of rows to a ``COPY … FROM STDIN WITH (FORMAT BINARY)``."""
    async with cursor.copy(statement.encode()) as copy:
        for block in _together(chain((HEADER,), blocks, (TRAILER,))):
            await copy.write(block)


async def copy_each(connection: psycopg.AsyncConnection[Any], copies: Sequence[Copying]) -> None:
    """Copy into several tables, one after the other, in a transaction that has begun.

    All are one query, so that the server asks for the rows of each as soon as it has those of the one before:
    ``copy_in`` waits twice as often. psycopg's cursors take one ``COPY`` only, hence its generators.

    Raises:
        psycopg.Error: as the server tells it; the transaction has failed then.
    """
    async with connection.lock:
        await connection.wait(_copy_each(connection.pgconn, copies))


def _copy_each(server: PGconn, copies: Sequence[Copying]) -> PQGen[None]:
    server.send_query("; ".join(each.statement for each in copies).encode())
    yield from generators.send(server)
    for each in copies:
        yield from _expect(server, ExecStatus.COPY_IN)
        for block in _together(chain((HEADER,), each.blocks, (TRAILER,))):
            for start in range(0, len(block), _MOST_AT_ONCE):
                yield from generators.copy_to(server, block[start : start + _MOST_AT_ONCE])
        while server.put_copy_end() == 0:
            yield Wait.W
        yield from generators.send(server)
        yield from _expect(server, ExecStatus.COMMAND_OK)
    yield from _drain(server)


def _expect(server: PGconn, status: ExecStatus) -> PQGen[None]:
    result = yield from generators.fetch(server)
    if result is None or result.status != status:
        yield from _drain(server)
        if result is None:
            raise psycopg.OperationalError("the database ended a copy before its time")
        raise psycopg.errors.error_from_result(result)


def _drain(server: PGconn) -> PQGen[None]:
    """Take what is left of a query's results, after which the connection is free for the next one."""
    while (yield from generators.fetch(server)) is not None:
        pass


def _together(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Join small blocks: each that is sent costs a turn of the event loop."""
    small: list[bytes] = []
    size = 0
    for block in blocks:
        small.append(block)
        size += len(block)
        if size > _SMALL_BYTES:
            yield b"".join(small)
            small, size = [], 0
    yield b"".join(small)
