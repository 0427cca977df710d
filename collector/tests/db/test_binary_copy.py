"""What arrays say goes through a real table unchanged, with nulls anywhere."""

import uuid

import numpy as np
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiosense_collector.clock import to_us
from audiosense_collector.db import binary_copy
from audiosense_collector.db.engine import libpq_url

COLUMNS = {
    "id": "uuid",
    "at": "timestamptz",
    "small": "smallint",
    "number": "bigint",
    "figure": "real",
    "sum": "double precision",
    "flag": "boolean",
    "vector": "bytea",
    "counts": "smallint[]",
    "totals": "integer[]",
    "told": "jsonb",
}
FLOATS = st.floats(width=32, allow_nan=False)
ROW = st.tuples(
    st.uuids(),
    st.integers(0, 253_402_300_799_999_999),
    st.none() | st.integers(-(2**15), 2**15 - 1),
    st.integers(-(2**63), 2**63 - 1),
    st.none() | FLOATS,
    st.none() | st.floats(allow_nan=False),
    st.booleans(),
    st.binary(min_size=6, max_size=6),
    st.none() | st.lists(st.integers(0, 2**15 - 1), min_size=3, max_size=3),
    st.lists(st.integers(-(2**31), 2**31 - 1), min_size=2, max_size=2),
    st.none() | st.just([]) | st.just([{"key": "ümläut", "value": -1.5}]),
)
JSON = {"[]": b"\x01[]", "[{'key': 'ümläut', 'value': -1.5}]": '\x01[{"key": "ümläut", "value": -1.5}]'.encode()}


@pytest.fixture(scope="module")
def connection(make_database):
    with psycopg.connect(libpq_url(make_database(migrated=False)), autocommit=True) as opened:
        opened.execute(f"CREATE TABLE copied ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})")
        opened.execute("SET TimeZone = 'UTC'")
        yield opened


def encode(rows):
    ids, at, small, number, figure, total, flag, vector, counts, totals, told = zip(*rows, strict=True)

    def null(column):
        return np.array([value is None for value in column])

    def filled(column, kind, instead=0):
        return np.array([instead if value is None else value for value in column], kind)

    fields = [
        binary_copy.uuids(ids, np.arange(len(rows))),
        binary_copy.times(np.array(at, np.int64)),
        binary_copy.integers(filled(small, np.int64), 2, null(small)),
        binary_copy.integers(np.array(number, np.int64), 8),
        binary_copy.reals(filled(figure, np.float32), 4, null(figure)),
        binary_copy.reals(filled(total, np.float64), 8, null(total)),
        binary_copy.booleans(np.array(flag)),
        binary_copy.binaries(np.frombuffer(b"".join(vector), "<f2").reshape(len(rows), 3)),
        binary_copy.smallint_arrays(filled(counts, np.int64, [0, 0, 0]), null(counts)),
        binary_copy.integer_arrays(np.array(totals, np.int64)),
    ]
    return binary_copy.encode(fields, {place: JSON[str(each)] for place, each in enumerate(told) if each is not None})


@given(st.lists(ROW, min_size=1, max_size=12))
def test_rows_come_back_as_they_were_sent(connection, rows):
    connection.execute("TRUNCATE copied")
    with connection.cursor() as cursor, cursor.copy("COPY copied FROM STDIN WITH (FORMAT BINARY)") as copy:
        for block in (binary_copy.HEADER, *encode(rows), binary_copy.TRAILER):
            copy.write(block)
    with connection.cursor(binary=True) as cursor:
        found = [(row[0], to_us(row[1]), *row[2:]) for row in cursor.execute("SELECT * FROM copied").fetchall()]
    assert sorted(map(repr, found)) == sorted(map(repr, rows))


def test_no_rows_are_no_blocks():
    assert binary_copy.encode([binary_copy.uuids([uuid.uuid4()], np.zeros(0, np.intp))], {}) == []
