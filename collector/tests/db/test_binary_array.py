"""Arrays of parameters arrive as they were meant."""

import uuid

import numpy as np
import psycopg
import pytest

from audiosense_collector.clock import to_us
from audiosense_collector.db import binary_array
from audiosense_collector.db.engine import libpq_url

SENSORS = [uuid.uuid4() for _ in range(3)]
TIMES_US = [0, 1_764_201_600_000_001, 253_402_300_799_999_999]


@pytest.fixture
def read(database_url):
    """Sends an array, and reads it as the server understood it."""
    with psycopg.connect(libpq_url(database_url)) as connection:
        connection.execute("SET TimeZone = 'UTC'")

        def sent(array, kind):
            return connection.execute(f"SELECT %b::{kind}[]", [array]).fetchone()[0]

        yield sent


def test_each_kind_arrives(read):
    places = np.array([2, 0, 0, 1])
    assert read(binary_array.uuids(SENSORS), "uuid") == SENSORS
    assert read(binary_array.picked_uuids(SENSORS, places), "uuid") == [SENSORS[place] for place in places]
    assert read(binary_array.bigints(np.array([-1, 0, 2**63 - 1])), "bigint") == [-1, 0, 2**63 - 1]
    assert [to_us(time) for time in read(binary_array.times(np.array(TIMES_US)), "timestamptz")] == TIMES_US


def test_none_are_an_empty_array(read):
    assert read(binary_array.uuids([]), "uuid") == []
    assert read(binary_array.bigints(np.array([], np.int64)), "bigint") == []
