"""All figures of a process in the text that Prometheus reads."""

import platform
import shutil
from collections.abc import Iterable, Iterator

from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import CounterMetricFamily, InfoMetricFamily, Metric
from sqlalchemy.pool import QueuePool

from audiosense_collector.backup.stamp import last_backup
from audiosense_collector.db.migrate import newest_revision
from audiosense_collector.metrics.instruments import REGISTRY
from audiosense_collector.runtime import Runtime
from audiosense_collector.system import release


class _Everything:
    """What ``generate_latest`` asks for: the process's instruments, and what else there is to tell."""

    def __init__(self, *others: Iterable[Metric]) -> None:
        self._others = others

    def collect(self) -> Iterator[Metric]:
        yield from REGISTRY.collect()
        for families in self._others:
            yield from families


async def exposition(runtime: Runtime) -> bytes:
    """Return all figures, in UTF-8."""
    return generate_latest(_Everything(_build(), _state(runtime), await runtime.fleet.families()))


async def worker_exposition(runtime: Runtime) -> bytes:
    """Return the figures of a process that does nothing but jobs; what the database says, ``serve`` exports."""
    return generate_latest(_Everything(_build(), _connections(runtime)))


def _build() -> Iterator[Metric]:
    build = InfoMetricFamily("audiosense_build", "Release, schema of the database that it needs, Python.")
    build.add_metric(
        [], {"version": release(), "schema": newest_revision() or "none", "python": platform.python_version()}
    )
    yield build


def _connections(runtime: Runtime) -> Iterator[Metric]:
    pool = runtime.engine.pool
    if isinstance(pool, QueuePool):
        yield GaugeMetricFamily("audiosense_database_connections", "Connections in use.", pool.checkedout())


def _state(runtime: Runtime) -> Iterator[Metric]:
    yield from _connections(runtime)
    gate = runtime.gate
    yield GaugeMetricFamily("audiosense_ingest_queue", "Batches in work.", gate.in_work)
    yield GaugeMetricFamily("audiosense_ingest_queue_limit", "As many are taken at a time.", gate.most)
    yield CounterMetricFamily("audiosense_ingest_turned_away", "Batches sent away by a full queue.", gate.turned_away)
    yield GaugeMetricFamily("audiosense_live_clients", "Browsers that watch the live stream.", runtime.hub.streams)
    disk = shutil.disk_usage(runtime.settings.data_dir)
    yield GaugeMetricFamily("audiosense_data_dir_free_bytes", "Free space beside keys and clips.", disk.free)
    yield GaugeMetricFamily(
        "audiosense_last_backup_timestamp_seconds",
        "When the last backup was made on this data directory; 0: never.",
        last_backup(runtime.settings.data_dir),
    )
