"""Arrays as parameters of queries, made in fewer steps than psycopg needs, which looks at each entry several times.

The format is that of PostgreSQL's ``array_send``: dimensions, flags, type, length, lower bound, then each entry's width
and bytes. A query must name the type of the parameter, as in ``%(sensors)b::uuid[]``.
"""

import struct
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.adapt import Dumper
from psycopg.pq import Format

from audiosense_collector.db import binary_copy
from audiosense_collector.db.binary_copy import Field

_BIGINT, _TIMESTAMPTZ, _UUID = 20, 1184, 2950
_NULL = (-1).to_bytes(4, signed=True)


@dataclass(frozen=True, slots=True)
class BinaryArray:
    """An array as the server reads it."""

    encoded: bytes


class _Dumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: BinaryArray) -> bytes:
        return obj.encoded


psycopg.adapters.register_dumper(BinaryArray, _Dumper)


def uuids(values: Collection[UUID]) -> BinaryArray:
    """Return a ``uuid[]``."""
    known = np.frombuffer(b"".join([value.bytes for value in values]), "V16")
    return _encode(Field(known, "V16"), _UUID)


def picked_uuids(values: Collection[UUID], places: NDArray[np.intp]) -> BinaryArray:
    """Return a ``uuid[]`` of the values at some places."""
    return _encode(binary_copy.uuids(list(values), places), _UUID)


def bigints(values: NDArray[np.int64]) -> BinaryArray:
    """Return a ``bigint[]``."""
    return _encode(binary_copy.integers(values, 8), _BIGINT)


def times(values_us: NDArray[np.int64]) -> BinaryArray:
    """Return a ``timestamptz[]`` of UTC microseconds since 1970."""
    return _encode(binary_copy.times(values_us), _TIMESTAMPTZ)


def texts(values: Sequence[str | None]) -> BinaryArray:
    """Return a ``text[]``."""
    return of("text", values)


def of(kind: str, values: Sequence[Any]) -> BinaryArray:
    """Return an array of a type, by the name that SQLAlchemy gives it; None is null.

    ``bytea`` takes bytes, ``uuid`` UUIDs, a timestamp UTC microseconds since 1970.

    Raises:
        psycopg.DataError: a value is not one of the type.
    """
    type_oid, encode = _KINDS[kind.lower()]
    try:
        entries = [_NULL if value is None else encode(value) for value in values]
    except (struct.error, OverflowError) as error:
        raise psycopg.DataError(f"a value is out of range for the type {kind}: {error}") from None
    head = (1, _NULL in entries, type_oid, len(entries), 1) if entries else (0, 0, type_oid)
    return BinaryArray(struct.pack(f">{len(head)}i", *head) + b"".join(entries))


def _fixed(form: str) -> Callable[[Any], bytes]:
    """Return what encodes a number: its width, then itself."""
    packed = struct.Struct(f">i{form}")
    width = packed.size - 4
    return lambda value: packed.pack(width, value)


def _sized(value: bytes) -> bytes:
    return len(value).to_bytes(4) + value


def _text(value: str) -> bytes:
    """Encode a text; one that the server would refuse is refused here, in clearer words."""
    if "\0" in value:
        raise psycopg.DataError("a text holds the character NUL (0x00)")
    return _sized(value.encode())


_time = _fixed("q")
_KINDS: Mapping[str, tuple[int, Callable[[Any], bytes]]] = {
    "boolean": (16, _fixed("?")),
    "bytea": (17, _sized),
    "bigint": (_BIGINT, _fixed("q")),
    "smallint": (21, _fixed("h")),
    "integer": (23, _fixed("i")),
    "text": (25, _text),
    "real": (700, _fixed("f")),
    "double precision": (701, _fixed("d")),
    "varchar": (1043, _text),
    "timestamp with time zone": (_TIMESTAMPTZ, lambda value: _time(value - binary_copy.POSTGRES_EPOCH_US)),
    "uuid": (_UUID, lambda value: _sized(value.bytes)),
}


def _encode(field: Field, type_oid: int) -> BinaryArray:
    entries = np.empty(len(field.values), _entry(field.kind))
    entries["width"], entries["value"] = entries.dtype["value"].itemsize, field.values
    head = (1, 0, type_oid, len(entries), 1) if len(entries) else (0, 0, type_oid)
    return BinaryArray(struct.pack(f">{len(head)}i", *head) + entries.tobytes())


@lru_cache(maxsize=16)
def _entry(kind: str) -> np.dtype[Any]:
    return np.dtype([("width", ">i4"), ("value", kind)])
