"""The sandbox's simulator: one measurement at a time, for ever."""

import threading
import time
from collections.abc import Callable

import numpy as np
import psycopg

from audiosense_collector.clock import now_us, to_datetime
from audiosense_collector.db.engine import libpq_url
from audiosense_collector.developer.figures import draw_figures
from audiosense_collector.developer.settings import DeveloperSettings

MAX_ROWS = 10_000
_INSERT = """
INSERT INTO developer_measurement (time, value, frequency, anomalous, snr_db, flatness, band_levels)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""


def simulate(url: str, settings: DeveloperSettings, stop: threading.Event, report: Callable[[str], None]) -> int:
    """Write measurements until ``stop`` is set and return how many were written.

    A database that goes away is waited for: each interval tries again, and what was due meanwhile is not made up.
    """
    rng = np.random.default_rng()
    connection: psycopg.Connection | None = None
    written, due = 0, time.monotonic()
    try:
        while not stop.wait(max(0.0, due - time.monotonic())):
            due = max(due + settings.interval_s, time.monotonic())
            try:
                connection = connection or psycopg.connect(libpq_url(url), connect_timeout=10)
                line = _write(connection, rng, settings.anomaly_rate)
            except psycopg.OperationalError as error:
                report(f"the database is away: {' '.join(str(error).split())[:200]}; trying again")
                _close(connection)
                connection = None
                continue
            written += 1
            if written % settings.log_every == 0:
                report(f"{written}: {line}")
    finally:
        _close(connection)
    return written


def _write(connection: psycopg.Connection, rng: np.random.Generator, anomaly_rate: float) -> str:
    (row,) = draw_figures(rng, 1, anomaly_rate).rows()
    with connection.transaction():
        if connection.execute("SELECT count(*) >= %s FROM developer_measurement", [MAX_ROWS]).fetchone() == (True,):
            connection.execute("TRUNCATE developer_measurement")
        connection.execute(_INSERT, (to_datetime(now_us()), *row))
    value, frequency, anomalous = row[:3]
    return f"value {value:.3f}, {frequency:.0f} Hz, {'Anomalo' if anomalous else 'OK'}"


def _close(connection: psycopg.Connection | None) -> None:
    if connection is not None:
        connection.close()
