"""A database as large as years of running make it, written by PostgreSQL itself: for ``benchmarks.queries``.

Rows lie in the order in which they come: 10 s of a sensor, as an agent sends them unless it is told otherwise, then the
same 10 s of the next one; roll-ups sensor by sensor, one minute or hour after the other.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Self
from uuid import UUID, uuid4

import numpy as np
import psycopg
from pydantic import TypeAdapter

from audiosense_collector.rollups.contents import hour_features, main_features, minute_features
from audiosense_common.features import SCHEMA_ID, SCHEMAS

VECTORS = 2_048
"""So many different vectors are drawn; a row has one of them."""
DIGEST = "d" * 64
_MACHINES = """
INSERT INTO site (id, name) SELECT gen_random_uuid(), %(prefix)s || ' site ' || n FROM generate_series(1, 20) AS n;
INSERT INTO machine (id, site_id, name)
SELECT gen_random_uuid(), t.id, %(prefix)s || ' machine ' || n
FROM generate_series(0, %(count)s - 1) AS n
JOIN site t ON t.name = %(prefix)s || ' site ' || (n %% 20 + 1);
INSERT INTO agent (id, name, credential_sha256, version, created, last_seen)
SELECT m.id, m.name, uuid_send(m.id), '1', now(), now() FROM machine m WHERE m.name LIKE %(prefix)s || ' machine %%';
INSERT INTO sensor (id, agent_id, machine_id, name, created, sample_rate_hz, window_s, schema_id, source,
    baseline_since, learning_windows, measurements, running_digest, last_heard, last_time, last_status, last_score,
    last_level_dbfs, last_dominant_hz, last_flatness_db, full_scale)
SELECT gen_random_uuid(), m.id, m.id, 'drive-end', now() - interval '1 year', 48000, 5, %(schema)s, 'simulator',
    now(), 720, 1, CASE WHEN random() < 0.95 THEN %(digest)s END, now(), %(last)s,
    CASE WHEN random() < 0.02 THEN 2 ELSE 1 END, random()::real, -40 + 10 * random(), 100, -20,
    CASE WHEN random() < 0.5 THEN 20.0 END
FROM machine m WHERE m.name LIKE %(prefix)s || ' machine %%';
INSERT INTO agent_check (agent_id, subject, key, state, cause, evidence, remedy, since, told)
SELECT s.agent_id, s.id, c.key, CASE WHEN random() < 0.01 THEN 'warning' ELSE 'ok' END, 'quiet', '[]', 'Look at it.',
    now() - interval '1 day', now() + interval '1 hour'
FROM sensor s JOIN machine m ON m.id = s.machine_id AND m.name LIKE %(prefix)s || ' machine %%',
    unnest(ARRAY['source', 'level', 'clipping', 'dropouts', 'running']) AS c (key);
INSERT INTO event (id, sensor_id, revision, state, start, "end", peak, peak_score, threshold, windows, model_digest)
SELECT gen_random_uuid(), s.id, 2, CASE WHEN n = 0 AND random() < 0.02 THEN 'open' ELSE 'close' END, e.start,
    e.start + interval '1 minute', e.start, 0.9, 0.62, 12, %(digest)s
FROM sensor s JOIN machine m ON m.id = s.machine_id AND m.name LIKE %(prefix)s || ' machine %%',
    generate_series(0, %(events)s - 1) AS n,
    LATERAL (SELECT now() - n * interval '7 hours' - random() * interval '1 hour' AS start WHERE s.id IS NOT NULL) AS e;
"""
_RAW = """
INSERT INTO measurement (sensor_id, time, epoch, seq, model, score, level_dbfs, dominant_hz, status, schema, features)
SELECT s.id, w.time, %(epoch)s, (extract(epoch FROM w.time) / 5)::bigint, d.id,
    CASE WHEN r.lot < 0.0005 THEN 0.9 ELSE 0.3 + r.lot * 0.2 END, -40 + 10 * r.lot, 100 + 50 * r.lot,
    CASE WHEN r.lot < 0.0005 THEN 2 ELSE 1 END, f.id,
    substring(v.raw FROM 1 + (r.lot * %(vectors)s)::int * %(raw)s FOR %(raw)s)
FROM (
    SELECT b.time AS batch, s.id
    FROM generate_series(%(low)s::timestamptz, %(high)s::timestamptz - interval '10 seconds', interval '10 seconds')
        AS b (time)
    CROSS JOIN unnest(%(sensors)s::uuid[]) AS s (id)
    ORDER BY b.time, s.id
) AS s
CROSS JOIN LATERAL generate_series(s.batch, s.batch + interval '5 seconds', interval '5 seconds') AS w (time)
CROSS JOIN LATERAL (SELECT random() AS lot, w.time) AS r
CROSS JOIN drawn v
JOIN model_digest d ON d.digest = %(digest)s
JOIN feature_schema f ON f.name = %(schema)s
"""
_ROLLED = """
INSERT INTO {table} (sensor_id, time, windows, learning, normal, anomalous, stopped, invalid, model, scored, score_min,
    score_sum, score_max, level_dbfs_min, level_dbfs_sum, level_dbfs_max, dominant_hz_min, dominant_hz_sum,
    dominant_hz_max, schema, described, means, extremes, histogram)
SELECT s.id, s.time, {count}, 0, {count} - r.odd, r.odd, 0, 0, d.id, {count}, 0.3, 0.4 * {count},
    CASE WHEN r.odd > 0 THEN 0.9 ELSE 0.5 END, -42, -38 * {count}, -31 + r.lot, 90, 118 * {count}, 150, f.id, {count},
    substring(v.{means} FROM 1 + (r.lot * %(vectors)s)::int * {width} FOR {width}), v.extremes, v.histogram
FROM (
    SELECT w.time, s.id
    FROM generate_series(%(low)s::timestamptz, %(high)s::timestamptz - {step}, {step}) AS w (time)
    CROSS JOIN unnest(%(sensors)s::uuid[]) AS s (id)
    ORDER BY w.time, s.id
) AS s
CROSS JOIN LATERAL (SELECT random() AS lot, (random() < 0.005)::int AS odd, s.time) AS r
CROSS JOIN drawn v
JOIN model_digest d ON d.digest = %(digest)s
JOIN feature_schema f ON f.name = %(schema)s
"""


@dataclass(frozen=True, slots=True)
class Filled:
    """What was written: rows of each table, the sensors with a history, how many more, until when, in what time."""

    sensors: list[UUID]
    fleet: int
    until: datetime
    raw: int
    minutes: int
    hours: int
    seconds: float

    def to_json(self) -> str:
        """Return it as JSON."""
        return _FILLED.dump_json(self).decode()

    @staticmethod
    def from_json(text: str) -> "Filled":
        """Return what ``to_json`` gave."""
        return _FILLED.validate_json(text)


_FILLED = TypeAdapter(Filled)


class History:
    """Fills a migrated database."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self.until = datetime.now(UTC).replace(second=0, microsecond=0)
        self._draw()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def fill(self, sensors: int, raw_days: int, minute_days: int, *, fleet: int) -> Filled:
        """Write sensors with raw rows, minutes and hours that end now; the fleet has an hour of minutes."""
        started = time.monotonic()
        ids = self.add_sensors("Old", sensors, events=300)
        raw = sum(self._write(_RAW, ids, *day) for day in self._spans(raw_days, 1))
        minutes = sum(self._write_minutes(ids, *span) for span in self._spans(minute_days, 5))
        hour = _ROLLED.format(
            table="rollup_hour",
            count=720,
            means="hours",
            width=4 * len(hour_features(SCHEMA_ID)),
            step="interval '1 hour'",
        )
        full = self.until.replace(minute=0)
        hours = self._write(hour, ids, full - timedelta(days=minute_days), full + timedelta(hours=1))
        others = self.add_sensors("Fleet", fleet, events=3)
        minutes += self._write_minutes(others, self.until - timedelta(hours=1), self.until)
        self._connection.execute("VACUUM (ANALYZE)")
        return Filled(ids, fleet, self.until, raw, minutes, hours, time.monotonic() - started)

    def add_sensors(self, prefix: str, count: int, *, events: int) -> list[UUID]:
        """Write machines with one sensor each, which were heard just now, with checks and events."""
        parameters = {"prefix": prefix, "count": count, "schema": SCHEMA_ID, "digest": DIGEST, "events": events}
        parameters["last"] = self.until - timedelta(seconds=5)
        with psycopg.ClientCursor(self._connection) as cursor:
            cursor.execute(_MACHINES.encode(), parameters)
        query = "SELECT s.id FROM sensor s JOIN machine m ON m.id = s.machine_id WHERE m.name LIKE %s"
        return [row[0] for row in self._connection.execute(query, [f"{prefix} machine %"])]

    def _write_minutes(self, ids: list[UUID], low: datetime, high: datetime) -> int:
        """Write roll-ups by minute."""
        width = 4 * len(minute_features(SCHEMA_ID))
        statement = _ROLLED.format(
            table="rollup_minute", count=12, means="minutes", width=width, step="interval '1 minute'"
        )
        return self._write(statement, ids, low, high)

    def _spans(self, days: int, step: int) -> list[tuple[datetime, datetime]]:
        edges = [self.until - timedelta(days=day) for day in [*range(days, 0, -step), 0]]
        return list(pairwise(edges))

    def _write(self, statement: str, ids: list[UUID], low: datetime, high: datetime) -> int:
        parameters = {
            "sensors": ids,
            "low": low,
            "high": high,
            "epoch": uuid4(),
            "digest": DIGEST,
            "schema": SCHEMA_ID,
            "vectors": VECTORS - 1,
            "raw": 2 * len(SCHEMAS[SCHEMA_ID]),
        }
        return self._connection.execute(statement.encode(), parameters).rowcount

    def _draw(self) -> None:
        """Draw the vectors that rows have; bytes that repeat would be compressed, and no real ones are."""
        rng = np.random.default_rng(1)
        size = {"raw": len(SCHEMAS[SCHEMA_ID]), "minutes": len(minute_features(SCHEMA_ID))}
        size["hours"] = len(hour_features(SCHEMA_ID))
        kinds = {"raw": "<f2", "minutes": "<f4", "hours": "<f4"}
        drawn = {name: rng.normal(-50, 9, (VECTORS, width)).astype(kinds[name]) for name, width in size.items()}
        drawn["extremes"] = rng.normal(-50, 9, 2 * len(main_features(SCHEMA_ID))).astype("<f2")
        self._connection.execute(
            "CREATE TEMPORARY TABLE drawn (raw bytea, minutes bytea, hours bytea, extremes bytea, histogram integer[])"
        )
        for name in ("raw", "minutes", "hours", "extremes"):
            self._connection.execute(f"ALTER TABLE drawn ALTER COLUMN {name} SET STORAGE EXTERNAL")
        histogram = [0] * 15 + [3, 4, 3, 2] + [0] * 31
        values = [array.tobytes() for array in drawn.values()]
        self._connection.execute("INSERT INTO drawn VALUES (%s, %s, %s, %s, %s)", [*values, histogram])
        self._connection.execute(
            "INSERT INTO model_digest (digest, threshold) VALUES (%s, 0.62) ON CONFLICT DO NOTHING", [DIGEST]
        )
        self._connection.execute("INSERT INTO feature_schema (name) VALUES (%s) ON CONFLICT DO NOTHING", [SCHEMA_ID])


def stay_heard(url: str) -> None:
    """Let all sensors be heard, and their checks told, for the next hour, however long ago they were written."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE sensor SET last_heard = now() + interval '1 hour'")
        connection.execute("UPDATE agent_check SET told = now() + interval '1 hour'")
        connection.execute("UPDATE agent SET last_seen = now() + interval '1 hour'")
        connection.execute("VACUUM (ANALYZE) sensor, agent_check, agent")
