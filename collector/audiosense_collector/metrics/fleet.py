"""What the database says of the whole installation, read for a scrape and kept for some seconds.

How far agents are behind is told as distributions over all of them: a series for each of 100,000 agents would cost
Prometheus more than the measurements cost the collector. Which agents they are, the page *Agents* and
``audiosense-collector agents list`` say.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
import structlog
from prometheus_client.core import GaugeHistogramMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from psycopg import sql

log = structlog.get_logger()
KEPT_S = 15.0
TIMEOUT_S = 10
SILENT_S = 300
WORKER_FRESH_S = 60
LAG_BUCKETS_S = (15, 30, 60, 120, 300, 900, 3_600, 21_600, 86_400, 604_800)

_GAUGES = """
SELECT pg_database_size(current_database()) AS database_bytes,
    (SELECT count(*) FROM agent WHERE state = 'active' AND coalesce(last_seen, created) < now() - %(silent)s::interval)
        AS agents_silent,
    (SELECT coalesce(sum(spool_rows), 0) FROM agent) AS spool_rows,
    (SELECT coalesce(max(spool_rows), 0) FROM agent) AS spool_rows_max,
    (SELECT coalesce(sum(dropped), 0) FROM agent) AS spool_dropped_rows,
    (SELECT coalesce(sum(dead_letters), 0) FROM agent) AS dead_letter_rows,
    (SELECT count(*) FROM clip) AS clips,
    (SELECT coalesce(sum(bytes), 0) FROM clip) AS clip_bytes,
    (SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - %(fresh)s::interval) AS workers,
    pg_relation_size('measurement_default') AS default_partition_bytes,
    (SELECT coalesce(extract(epoch FROM max(ordered_before)), 0) FROM ordering_mark WHERE name = 'rollup_minute')
        AS minutes_ordered_seconds
"""
_HELP = {
    "database_bytes": "Size of the database on its disk.",
    "agents_silent": "Active agents that were not heard for five minutes.",
    "spool_rows": "Measurements that wait in the agents' spools, as they told last.",
    "spool_rows_max": "The same of the agent that has most of them.",
    "spool_dropped_rows": "Measurements that agents dropped by their policy, as they told last.",
    "dead_letter_rows": "Measurements that agents set aside because the collector refused them.",
    "clips": "Sound clips kept.",
    "clip_bytes": "Bytes of sound clips kept.",
    "workers": "Workers of the job queue whose last sign of life is at most a minute old.",
    "default_partition_bytes": "Size of the partition of measurements outside the days that have one of their own.",
    "minutes_ordered_seconds": "Until when (seconds since 1970) each sensor's minutes were moved together; 0: not yet.",
}
_SENSORS = """
SELECT coalesce((ARRAY['learning', 'normal', 'anomalous', 'stopped', 'invalid'])[last_status + 1], 'unheard'), count(*)
FROM sensor GROUP BY 1
"""
_PARTITIONS = """
SELECT inhparent::regclass::text, count(*) FROM pg_inherits
WHERE inhparent IN ('measurement'::regclass, 'rollup_minute'::regclass) AND inhrelid::regclass::text ~ '_[0-9]+$'
GROUP BY 1
"""
_AHEAD = """
SELECT inhparent::regclass::text, count(*) FILTER (WHERE substring(inhrelid::regclass::text from '[0-9]+$')
    > to_char(now() AT TIME ZONE 'UTC', CASE inhparent WHEN 'measurement'::regclass THEN 'YYYYMMDD' ELSE 'YYYYMM' END))
FROM pg_inherits WHERE inhparent IN ('measurement'::regclass, 'rollup_minute'::regclass)
GROUP BY 1
"""
_COUNTS: dict[str, tuple[str, tuple[str, ...], LiteralString]] = {
    "agents": ("Agents by state.", ("state",), "SELECT state, count(*) FROM agent GROUP BY 1"),
    "sensors": ("Sensors by the status of their newest measurement.", ("status",), _SENSORS),
    "jobs": (
        "Jobs in the queue's table by kind and state; ended ones are kept for 30 days.",
        ("kind", "state"),
        "SELECT task_name, status::text, count(*) FROM procrastinate_jobs GROUP BY 1, 2",
    ),
    "partitions": ("Partitions that hold a day of measurements or a month of roll-ups.", ("table",), _PARTITIONS),
    "partitions_ahead": ("Partitions made ahead: days of measurements, months of roll-ups.", ("table",), _AHEAD),
}
_SILENCE = "SELECT extract(epoch FROM now() - coalesce(last_seen, created)) AS lag FROM agent WHERE state = 'active'"
_LAG = """
SELECT extract(epoch FROM now() - max(last_time)) AS lag FROM sensor JOIN agent ON agent.id = agent_id
WHERE agent.state = 'active' AND last_time IS NOT NULL GROUP BY agent.id
"""
_LAGS: dict[str, tuple[str, LiteralString]] = {
    "agent_silence_seconds": ("Time since each active agent's last batch.", _SILENCE),
    "agent_lag_seconds": ("Age of each active agent's newest measurement.", _LAG),
}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the database said, and when by the monotonic clock."""

    taken: float
    families: Sequence[Metric]


class Fleet:
    """Reads the database on a connection of its own, at most once in ``KEPT_S`` however many ask."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._lock = asyncio.Lock()
        self._kept: Snapshot | None = None

    async def families(self) -> list[Metric]:
        """Return what is known now; without a database, ``audiosense_database_up`` of 0 alone."""
        async with self._lock:
            if self._kept is None or time.monotonic() - self._kept.taken > KEPT_S:
                self._kept = await self._read()
            found = self._kept
        up = GaugeMetricFamily("audiosense_database_up", "Whether the database answered.", float(found is not None))
        return [up, *(found.families if found is not None else ())]

    async def _read(self) -> Snapshot | None:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                async with await psycopg.AsyncConnection.connect(
                    self._conninfo, autocommit=True, application_name="audiosense-metrics", connect_timeout=TIMEOUT_S
                ) as connection:
                    families = await _read_all(connection)
        except (psycopg.Error, TimeoutError) as error:
            log.warning("no figures from the database", error=" ".join(str(error).split()) or type(error).__name__)
            return None
        return Snapshot(time.monotonic(), families)


async def _read_all(connection: psycopg.AsyncConnection[Any]) -> list[Metric]:
    cursor = await connection.execute(_GAUGES, {"silent": f"{SILENT_S} s", "fresh": f"{WORKER_FRESH_S} s"})
    row = await cursor.fetchone()
    names = [column.name for column in cursor.description or ()]
    found: list[Metric] = [
        GaugeMetricFamily(f"audiosense_{name}", _HELP[name], float(value))
        for name, value in zip(names, row or (), strict=True)
    ]
    for name, (words, labels, query) in _COUNTS.items():
        family = GaugeMetricFamily(f"audiosense_{name}", words, labels=labels)
        async for *values, count in await connection.execute(query):
            family.add_metric([str(value) for value in values], count)
        found.append(family)
    for name, (words, query) in _LAGS.items():
        found.append(await _lags(connection, name, words, query))
    return found


async def _lags(connection: psycopg.AsyncConnection[Any], name: str, words: str, query: LiteralString) -> Metric:
    """Count in the database: as many numbers as there are agents would have to travel."""
    bounds = sql.SQL(", ").join(
        sql.SQL("count(*) FILTER (WHERE lag <= {})").format(sql.Literal(bound)) for bound in LAG_BUCKETS_S
    )
    counting = sql.SQL("SELECT coalesce(sum(lag), 0)::float8, {}, count(*) FROM ({}) AS lags").format(
        bounds, sql.SQL(query)
    )
    total, *counts = await (await connection.execute(counting)).fetchone() or (0.0,)
    edges = [*(str(float(bound)) for bound in LAG_BUCKETS_S), "+Inf"]
    return GaugeHistogramMetricFamily(
        f"audiosense_{name}", words, buckets=list(zip(edges, counts, strict=True)), gsum_value=total
    )
