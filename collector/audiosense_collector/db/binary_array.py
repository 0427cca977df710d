"""Arrays as parameters of queries, made for all entries at once: psycopg would dump one entry after the other.

The format is that of PostgreSQL's ``array_send``: dimensions, flags, type, length, lower bound, then each entry's width
and bytes. A query must name the type of the parameter, as in ``%(sensors)b::uuid[]``.
"""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.adapt import Dumper
from psycopg.pq import Format

from audiosense_collector.db import binary_copy
from audiosense_collector.db.binary_copy import Field

_BIGINT, _TIMESTAMPTZ, _UUID = 20, 1184, 2950


@dataclass(frozen=True, slots=True)
class BinaryArray:
    """An array without nulls as the server reads it."""

    encoded: bytes


class _Dumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: BinaryArray) -> bytes:
        return obj.encoded


psycopg.adapters.register_dumper(BinaryArray, _Dumper)


def uuids(values: Collection[UUID]) -> BinaryArray:
    """Return a ``uuid[]``."""
    return _encode(np.frombuffer(b"".join([value.bytes for value in values]), np.uint8).reshape(-1, 16), _UUID)


def picked_uuids(values: Collection[UUID], places: NDArray[np.intp]) -> BinaryArray:
    """Return a ``uuid[]`` of the values at some places."""
    return _encode_field(binary_copy.uuids(list(values), places), _UUID)


def bigints(values: NDArray[np.int64]) -> BinaryArray:
    """Return a ``bigint[]``."""
    return _encode_field(binary_copy.integers(values, 8), _BIGINT)


def times(values_us: NDArray[np.int64]) -> BinaryArray:
    """Return a ``timestamptz[]`` of UTC microseconds since 1970."""
    return _encode_field(binary_copy.times(values_us), _TIMESTAMPTZ)


def _encode_field(field: Field, type_oid: int) -> BinaryArray:
    return _encode(field.values, type_oid)


def _encode(values: NDArray[np.generic], type_oid: int) -> BinaryArray:
    width = int(values.dtype.itemsize * np.prod(values.shape[1:], dtype=np.int64))
    entries = np.empty(len(values), [("width", ">i4"), ("value", values.dtype, values.shape[1:])])
    entries["width"], entries["value"] = width, values
    head = np.array([1, 0, type_oid, len(values), 1] if len(values) else [0, 0, type_oid], ">i4")
    return BinaryArray(head.tobytes() + entries.tobytes())
