"""Rows without a collector, for ``benchmarks.ingest``: plain COPY, and a table that holds many already."""

import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import psycopg

from audiosense_collector.clock import DAY_US
from audiosense_collector.db import binary_copy
from audiosense_collector.rollups.contents import main_features, minute_features
from audiosense_common.features import SCHEMA_ID, SCHEMAS

WINDOW_US = 5_000_000
COPY_ROWS = 600_000
BATCH, BATCHES = 600, 10
FILLED_DAYS = 28
_COPIED = """
DROP TABLE IF EXISTS copied;
CREATE TABLE copied (LIKE measurement INCLUDING DEFAULTS INCLUDING STORAGE, PRIMARY KEY (sensor_id, time, epoch, seq))
    PARTITION BY RANGE (time);
"""
_NAMES = (
    "sensor_id, time, epoch, seq, model, score, level_dbfs, dominant_hz, status, schema, "
    "clock_suspect, features, reasons"
)
_FILL = """
INSERT INTO measurement (sensor_id, time, epoch, seq, score, level_dbfs, dominant_hz, status, schema, features)
SELECT %(sensor)s, now() - %(days)s * interval '1 day' + n * interval '5 s', %(epoch)s, n, 0.4, -31, 120, 1, %(schema)s,
    %(features)s
FROM generate_series(1, %(windows)s) AS n
"""
_FILL_MINUTES = """
INSERT INTO rollup_minute
SELECT %(sensor)s, date_trunc('minute', now()) - %(days)s * interval '1 day' + n * interval '1 min', 12, 0, 12, 0, 0, 0,
    NULL, 12, 0.4, 4.8, 0.4, -31, -372, -31, 120, 1440, 120, %(schema)s, 12, %(means)s, %(extremes)s,
    array_fill(0::smallint, ARRAY[50])
FROM generate_series(1, %(windows)s / 12) AS n
"""


def copy(connection: psycopg.Connection[Any], connections: int, seconds: float) -> tuple[int, float]:
    """Copy rows into a table like that of the measurements; returns how many rows, and in how many seconds.

    They are made ready beforehand, in blocks as large as a full group of the collector's, each a transaction.
    """
    connection.execute(_COPIED)
    for day in range(FILLED_DAYS + 2):
        span = f"FROM (current_date - {day}) TO (current_date - {day} + 1)"
        connection.execute(f"CREATE TABLE copied_{day} PARTITION OF copied FOR VALUES {span}".encode())
    blocks = make_blocks(int(COPY_ROWS * min(1.0, seconds / 15)))
    shares = [blocks[place::connections] for place in range(connections)]
    connection.execute("CHECKPOINT")
    with ThreadPoolExecutor(connections) as pool:
        others = [psycopg.connect(connection.info.dsn, autocommit=True) for _ in shares]
        start = time.perf_counter()
        list(pool.map(_copy, others, shares))
        taken = time.perf_counter() - start
        for other in others:
            other.close()
    row = connection.execute("SELECT count(*) FROM copied").fetchone()
    connection.execute("DROP TABLE copied")
    assert row == (len(blocks) * BATCH * BATCHES,)
    return len(blocks) * BATCH * BATCHES, taken


def _copy(connection: psycopg.Connection[Any], blocks: Sequence[bytes]) -> None:
    with connection.cursor() as cursor:
        for block in blocks:
            with cursor.copy(f"COPY copied ({_NAMES}) FROM STDIN WITH (FORMAT BINARY)") as copying:
                copying.write(block)


def make_blocks(rows: int) -> list[bytes]:
    """Return rows as the collector would send them."""
    rng = np.random.default_rng(1)
    sensors, epochs = [uuid.uuid4() for _ in range(BATCHES)], [uuid.uuid4() for _ in range(BATCHES)]
    first_us = time.time_ns() // 1_000 - FILLED_DAYS * DAY_US
    count = BATCH * BATCHES
    whose = np.repeat(np.arange(BATCHES), BATCH)
    features = rng.normal(-40, 6, (count, len(SCHEMAS[SCHEMA_ID]))).astype("<f2")
    blocks = []
    for number in range(rows // count):
        seq = number * BATCH + np.tile(np.arange(BATCH), BATCHES)
        fields = [
            binary_copy.uuids(sensors, whose),
            binary_copy.times(first_us + seq * WINDOW_US),
            binary_copy.uuids(epochs, whose),
            binary_copy.integers(seq, 8),
            binary_copy.integers(np.ones(count), 4),
            *(binary_copy.reals(rng.normal(size=count)) for _ in range(3)),
            binary_copy.integers(np.ones(count), 2),
            binary_copy.integers(np.ones(count), 2),
            binary_copy.booleans(np.zeros(count, np.bool_)),
            binary_copy.binaries(features),
        ]
        encoded = binary_copy.encode(fields, {})
        blocks.append(b"".join([binary_copy.HEADER, *encoded, binary_copy.TRAILER]))
    return blocks


def fill(connection: psycopg.Connection[Any], rows: int) -> None:
    """Fill the table evenly over the last four weeks, and the minutes' roll-ups with it."""
    windows = FILLED_DAYS * DAY_US // WINDOW_US
    started = time.perf_counter()
    shares = [min(windows, rows - place) for place in range(0, rows, windows)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda share: _fill(connection.info.dsn, share), shares))
    connection.execute("VACUUM ANALYZE measurement, rollup_minute")
    print(f"{rows:,} rows made in {time.perf_counter() - started:.0f} s", flush=True)


def _fill(dsn: str, windows: int) -> None:
    rng = np.random.default_rng(windows)
    main, minute = len(main_features(SCHEMA_ID)), len(minute_features(SCHEMA_ID))
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        schema = connection.execute("SELECT id FROM feature_schema WHERE name = %s", [SCHEMA_ID]).fetchone()
        assert schema is not None
        parameters = {
            "sensor": uuid.uuid4(),
            "epoch": uuid.uuid4(),
            "schema": schema[0],
            "days": FILLED_DAYS,
            "windows": windows,
            "features": rng.normal(-40, 6, len(SCHEMAS[SCHEMA_ID])).astype("<f2").tobytes(),
            "means": rng.normal(-40, 6, minute).astype("<f4").tobytes(),
            "extremes": rng.normal(-40, 6, (2, main)).astype("<f2").tobytes(),
        }
        connection.execute(_FILL, parameters)
        connection.execute(_FILL_MINUTES, parameters)
