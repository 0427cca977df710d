"""Whether what ``benchmarks.ingest`` was told to be stored is there once, and in the roll-ups."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
import psycopg

from audiosense_collector.clock import to_us
from audiosense_collector.rollups.delta import Windows, roll_up
from audiosense_collector.rollups.rows import NONE
from audiosense_collector.rollups.store import HOURS, MINUTES, Kind, decode, names
from audiosense_common.features import SCHEMA_ID, SCHEMAS

SAMPLED = 2
"""Sensors whose roll-ups are made again in all columns."""
_DIFFERENT = """
WITH raw AS (
    SELECT sensor_id, date_trunc('{span}', time) AS time, count(*)::integer AS windows,
        (count(*) FILTER (WHERE status = 2))::integer AS anomalous, min(score) AS score_min, max(score) AS score_max
    FROM measurement WHERE sensor_id = ANY(%(sensors)s) GROUP BY 1, 2
), kept AS (
    SELECT sensor_id, time, windows, anomalous, score_min, score_max
    FROM {table} WHERE sensor_id = ANY(%(sensors)s)
)
SELECT count(*), count(*) FILTER (WHERE raw IS DISTINCT FROM kept) FROM raw FULL JOIN kept USING (sensor_id, time)
"""


def check(connection: psycopg.Connection[Any], sensors: Sequence[UUID], acknowledged: int) -> None:
    """Count, compare, and say so.

    Raises:
        SystemExit: something is missing, there twice, or not as the rows say.
    """
    parameters = {"sensors": list(sensors)}
    connection.execute("SET TimeZone = 'UTC'")
    stored = connection.execute(
        "SELECT count(*), count(DISTINCT (sensor_id, epoch, seq)) FROM measurement WHERE sensor_id = ANY(%(sensors)s)",
        parameters,
    ).fetchone()
    if stored != (acknowledged, acknowledged):
        raise SystemExit(f"{acknowledged} measurements were acknowledged, {stored} are stored (all, and each once)")
    spans = {}
    for kind, span in ((MINUTES, "minute"), (HOURS, "hour")):
        row = connection.execute(_DIFFERENT.format(span=span, table=kind.table), parameters).fetchone()
        assert row is not None
        spans[span] = row[0]
        if row[1]:
            raise SystemExit(f"{row[1]} of {row[0]} roll-ups by {span} do not count what the rows do")
        for sensor in sensors[:SAMPLED]:
            _make_again(connection, kind, sensor)
    print(
        f"{acknowledged:,} measurements acknowledged, each stored once; {spans['minute']:,} roll-ups by minute and "
        f"{spans['hour']:,} by hour made again, no difference"
    )


def _make_again(connection: psycopg.Connection[Any], kind: Kind, sensor: UUID) -> None:
    schemas = dict(connection.execute("SELECT name, id FROM feature_schema").fetchall())
    with connection.cursor(binary=True) as cursor:
        query = (
            "SELECT time, status, model, score, level_dbfs, dominant_hz, features FROM measurement WHERE sensor_id = %s"
        )
        rows = cursor.execute(query, [sensor]).fetchall()
        kept = cursor.execute(
            f"SELECT 0, {names('')} FROM {kind.table} WHERE sensor_id = %s ORDER BY time",  # noqa: S608
            [sensor],
        ).fetchall()
    time, status, model, score, level, dominant, features = zip(*rows, strict=True)
    windows = Windows(
        schema_id=SCHEMA_ID,
        sensor=np.zeros(len(rows), np.int64),
        time_us=np.array([to_us(each) for each in time], np.int64),
        status=np.array(status, np.int64),
        model=np.array([NONE if each is None else each for each in model], np.int64),
        score=np.array(score, np.float32),
        level_dbfs=np.array(level, np.float32),
        dominant_hz=np.array(dominant, np.float32),
        features=np.frombuffer(b"".join(features), "<f2").reshape(len(rows), len(SCHEMAS[SCHEMA_ID])),
    )
    delta = roll_up(windows)
    wanted, found = delta.minutes if kind is MINUTES else delta.hours, decode(kind, kept, schemas)
    for name in ("time_us", "statuses", "model", "scored", "described", "histogram", "extremes"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name), err_msg=f"{kind.table}.{name}")
    np.testing.assert_allclose(found.means, wanted.means, rtol=1e-4, atol=1e-4, err_msg=f"{kind.table}.means")
    for name in ("score", "level_dbfs", "dominant_hz"):
        np.testing.assert_array_equal(getattr(found, name).least, getattr(wanted, name).least)
        np.testing.assert_array_equal(getattr(found, name).most, getattr(wanted, name).most)
        np.testing.assert_allclose(getattr(found, name).total, getattr(wanted, name).total, rtol=1e-9)
