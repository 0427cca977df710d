"""The sandbox's simulator: the command as a process on a real PostgreSQL, and its rule at 10,000 rows."""

import os
import signal
import subprocess
import sys
import threading
import time

import psycopg
import pytest

from audiosense_collector.db.engine import libpq_url
from audiosense_collector.developer.settings import DeveloperSettings
from audiosense_collector.developer.simulator import MAX_ROWS, simulate
from audiosense_collector.errors import SettingsError
from deploy.testing import warm


@pytest.fixture
def connection(make_database):
    url = make_database()
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        connection.url = url
        yield connection


def _count(connection):
    return connection.execute("SELECT count(*) FROM developer_measurement").fetchone()[0]


def _until(condition, what):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_writes_and_stops_cleanly_on_a_signal(connection, tmp_path, number):
    environment = os.environ | {
        "DATABASE_URL": connection.url,
        "AUDIOSENSE_DATA_DIR": str(tmp_path),
        "SIM_INTERVAL_SECONDS": "0.05",
        "SIM_ANOMALY_RATE": "1",
        "SIM_LOG_EVERY": "2",
    }
    command = [sys.executable, "-m", "audiosense_collector", "sandbox-simulator"]
    process = warm.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        _until(lambda: _count(connection) >= 6, "6 measurements")
        process.send_signal(number)
        output, errors = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, errors) == (0, "")
    lines = output.splitlines()
    written = _count(connection)
    assert lines[-1] == f"sandbox simulator stopped after {written} measurements"
    assert [line.split(":")[0] for line in lines[1:-1]] == [str(number) for number in range(2, written + 1, 2)]
    rows = connection.execute("SELECT anomalous, value FROM developer_measurement").fetchall()
    assert all(anomalous and 0.8 <= value <= 1.2 for anomalous, value in rows)


def test_a_full_sandbox_is_emptied_and_the_simulator_goes_on(connection):
    connection.execute(
        "INSERT INTO developer_measurement (time, value, frequency, anomalous, snr_db, flatness, band_levels)"
        " SELECT now(), 0.3, 900, false, 20, 0.1, '{1,2,3,4,5}' FROM generate_series(1, %s)",
        [MAX_ROWS - 1],
    )
    stop, counts = threading.Event(), []

    def report(_line):
        counts.append(_count(connection))
        if len(counts) == 4:
            stop.set()

    written = simulate(connection.url, DeveloperSettings(interval_s=0.001, log_every=1), stop, report)
    assert (written, counts) == (4, [MAX_ROWS, 1, 2, 3])


def test_a_database_that_went_away_is_waited_for(connection):
    stop, lines = threading.Event(), []
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"

    def report(line):
        lines.append(line)
        if len(lines) == 2:
            found = connection.execute(f"{cut} AND pid <> pg_backend_pid()").fetchall()
            assert found == [(True,)]
        if len(lines) == 6:
            stop.set()

    written = simulate(connection.url, DeveloperSettings(interval_s=0.01, log_every=1), stop, report)
    assert [line for line in lines if "trying again" in line] == [lines[2]]
    assert written == _count(connection) == 5


def test_a_setting_that_cannot_be_used_is_one_line_that_names_it(monkeypatch):
    monkeypatch.setenv("SIM_ANOMALY_RATE", "2")
    with pytest.raises(SettingsError, match=r"^SIM_ANOMALY_RATE cannot be used: .*; change it in the environment"):
        DeveloperSettings.load()
