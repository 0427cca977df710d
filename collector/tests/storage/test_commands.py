"""``db size``, ``db retention``, ``db rollup``: as an administrator runs them."""

import json
import signal
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from storage_testing import hear, keep, roll_up, run
from typer.testing import CliRunner

from audiosense_collector.cli import app
from audiosense_collector.clock import HOUR_US, now_us
from audiosense_common.errors import AudioSenseError


@pytest.fixture
def command(settings, database_url, monkeypatch):
    """Run ``db …`` in a thread, for it has an event loop of its own."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("AUDIOSENSE_DATA_DIR", str(settings.data_dir))

    def call(*arguments):
        result = pool.submit(CliRunner().invoke, app, ["db", *arguments]).result(120)
        error = result.exception
        assert error is None or isinstance(error, (AudioSenseError, SystemExit)), error
        said = f"error: {error}" if isinstance(error, AudioSenseError) else result.stderr
        return SimpleNamespace(returncode=result.exit_code, stdout=result.stdout, stderr=said)

    # A command that finds no handler sets one, which only a process's main thread may.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ThreadPoolExecutor(1) as pool:
        yield call
    signal.signal(signal.SIGTERM, before)


async def test_what_is_stored_and_what_goes_is_told_and_differences_are_found(runtime, make_agent, command):
    (sensor,) = (await make_agent()).sensors.values()
    await keep(runtime, sensor, hear(200, now_us() - HOUR_US, seed=1))
    await roll_up(runtime)
    await run(runtime, "ANALYZE measurement, rollup_minute, rollup_hour")
    told = command("size", "--json")
    assert told.returncode == 0, told.stderr
    size = json.loads(told.stdout)
    tables = {table["name"]: table for table in size["tables"]}
    assert tables["measurement"]["rows"] == 200
    assert tables["measurement"]["partitions"] > 30
    assert sum(each["bytes"] for each in size["partitions"]) <= size["database_bytes"]
    shown = command("size")
    assert shown.returncode == 0, shown.stderr
    assert "retention frees 0 B now" in shown.stdout
    await run(runtime, "SELECT make_measurement_partition('2020-01-01')")
    await run(
        runtime,
        "INSERT INTO export (id, job_id, asked, actor, sensors, span_from, span_to, resolution, format, features, file,"
        " rows, bytes, finished, expires) SELECT gen_random_uuid(), 0, now(), 'anna', '{}', now(), now(), 'raw', 'csv',"
        " '{}', 'x.csv', 1, 2048, now(), now() + day * interval '1 day' FROM unnest(ARRAY[-1, -2, 1]) AS day",
    )
    would = command("retention").stdout
    assert "measurement_20200101" in would
    assert "would delete 2 exports, 4.0 KiB" in would
    done = command("retention", "--apply").stdout
    assert "dropped" in done
    assert "deleted 2 exports, 4.0 KiB" in done
    left = command("retention").stdout
    assert "measurement_20200101" not in left
    assert "would delete 0 exports, 0 B" in left
    good = command("rollup", "--verify")
    assert (good.returncode, "200 measurements" in good.stdout) == (0, True), good.stderr
    await run(runtime, "UPDATE rollup_hour SET normal = normal + 1 WHERE sensor_id = :sensor", sensor=sensor)
    bad = command("rollup", "--verify", sensor)
    assert bad.returncode == 1
    assert "statuses[1] is" in bad.stdout
    assert "--rebuild" in bad.stderr
    assert "200 measurements" in command("rollup", "--rebuild").stdout
    assert command("rollup", "--verify").returncode == 0
    assert "neither" in command("rollup").stderr
