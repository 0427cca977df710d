"""What a process counts as it goes, and the functions by which the rest of the collector tells it.

No label holds a name, an id or anything else that comes from outside: routes are templates, outcomes are a fixed list.
Series therefore stay few, whatever the size of the fleet, and whoever may read them learns nothing of its machines.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

disable_created_metrics()  # type: ignore[no-untyped-call] # a second series for each, which nobody reads
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

BATCHES_ROUTE = "/api/v1/batches"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_OUTCOMES = {200: "stored", 401: "refused", 403: "refused", 429: "put_off", 503: "put_off"}
_SERVER_ERROR = 500

REQUESTS = Counter(
    "audiosense_http_requests", "Requests answered.", ("port", "method", "route", "status"), registry=REGISTRY
)
DURATION = Histogram(
    "audiosense_http_request_duration_seconds",
    "From the first byte of a request to the last of its answer; live streams are left out.",
    ("port", "method", "route"),
    buckets=SECONDS,
    registry=REGISTRY,
)
SENT = Counter("audiosense_http_response_bytes", "Bytes of answers, headers left out.", ("port",), registry=REGISTRY)
BATCHES = Counter(
    "audiosense_ingest_batches",
    "Batches answered: stored, refused (credential), put_off (429 or 503), invalid (other 4xx), failed (other 5xx).",
    ("outcome",),
    registry=REGISTRY,
)
ROWS = Counter(
    "audiosense_ingest_rows",
    "Measurements of committed batches: stored, or repeated (they were there already).",
    ("result",),
    registry=REGISTRY,
)
COMMITTED = Histogram(
    "audiosense_ingest_commit_batches",
    "Batches that one committed transaction stored together.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128),
    registry=REGISTRY,
)
BATCH_BYTES = Counter(
    "audiosense_ingest_body_bytes", "Bytes of batches as they came over the wire, compressed.", registry=REGISTRY
)
JOBS = Counter(
    "audiosense_jobs_ended",
    "Attempts at jobs that this process has ended: done, failed, stopped (with their worker), taken_over (too late).",
    ("kind", "outcome"),
    registry=REGISTRY,
)
JOB_SECONDS = Histogram(
    "audiosense_job_duration_seconds",
    "How long this process took for each attempt at a job.",
    ("kind",),
    buckets=(0.01, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0),
    registry=REGISTRY,
)
JOBS_AT_WORK = Gauge("audiosense_jobs_at_work", "Jobs that this process does now.", registry=REGISTRY)
for _outcome in ("stored", "refused", "put_off", "invalid", "failed"):
    BATCHES.labels(_outcome)
for _result in ("stored", "repeated"):
    ROWS.labels(_result)


def request_answered(port: str, method: str, route: str, status: int, *, seconds: float | None, sent: int) -> None:
    """Count an answer; ``seconds`` is None for a stream that lasted as long as somebody watched."""
    requests, bytes_sent, duration = _series_of(port, method, route, status)
    requests.inc()
    bytes_sent.inc(sent)
    if seconds is not None:
        duration().observe(seconds)
    if route == BATCHES_ROUTE:
        BATCHES.labels(_OUTCOMES.get(status, "failed" if status >= _SERVER_ERROR else "invalid")).inc()


@cache
def _series_of(port: str, method: str, route: str, status: int) -> tuple[Counter, Counter, Callable[[], Histogram]]:
    """Find series by their labels once; there are as few of these as of series. One that is never told is not made."""
    duration = cache(lambda: DURATION.labels(port, method, route))
    return REQUESTS.labels(port, method, route, str(status)), SENT.labels(port), duration


def batch_read(size: int) -> None:
    """Count the bytes of a batch's body."""
    BATCH_BYTES.inc(size)


@contextmanager
def job_at_work(kind: str) -> Iterator[Callable[[str], None]]:
    """Count and time an attempt at a job; it is done, unless another outcome is told."""
    outcome, began = "done", time.perf_counter()

    def tell(other: str) -> None:
        nonlocal outcome
        outcome = other

    JOBS_AT_WORK.inc()
    try:
        yield tell
    finally:
        JOBS_AT_WORK.dec()
        JOBS.labels(kind, outcome).inc()
        JOB_SECONDS.labels(kind).observe(time.perf_counter() - began)


def batches_committed(batches: int, *, new: int, repeated: int) -> None:
    """Count what one committed transaction stored."""
    COMMITTED.observe(batches)
    ROWS.labels("stored").inc(new)
    ROWS.labels("repeated").inc(repeated)


def after_commit(session: AsyncSession, tell: Callable[[], None]) -> None:
    """Tell once the session's transaction is committed; if it is rolled back, nothing is told."""
    event.listen(session.sync_session, "after_commit", lambda _session: tell(), once=True)
