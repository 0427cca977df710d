"""``db size``, ``db retention``, ``db rollup``: as an administrator runs them."""

import json
import os
import subprocess
import sys

from storage_testing import hear, keep, roll_up, run

from audiosense_collector.clock import HOUR_US, now_us


def command(settings, database_url, *arguments):
    environment = os.environ | {"DATABASE_URL": database_url, "AUDIOSENSE_DATA_DIR": str(settings.data_dir)}
    return subprocess.run(
        [sys.executable, "-m", "audiosense_collector", "db", *arguments],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


async def test_what_is_stored_and_what_goes_is_told_and_differences_are_found(
    runtime, settings, database_url, make_agent
):
    (sensor,) = (await make_agent()).sensors.values()
    await keep(runtime, sensor, hear(200, now_us() - HOUR_US, seed=1))
    await roll_up(runtime)
    await run(runtime, "ANALYZE measurement, rollup_minute, rollup_hour")
    told = command(settings, database_url, "size", "--json")
    assert told.returncode == 0, told.stderr
    size = json.loads(told.stdout)
    tables = {table["name"]: table for table in size["tables"]}
    assert tables["measurement"]["rows"] == 200
    assert tables["measurement"]["partitions"] > 30
    assert sum(each["bytes"] for each in size["partitions"]) <= size["database_bytes"]
    shown = command(settings, database_url, "size")
    assert shown.returncode == 0, shown.stderr
    assert "retention frees 0 B now" in shown.stdout
    await run(runtime, "SELECT make_measurement_partition('2020-01-01')")
    assert "measurement_20200101" in command(settings, database_url, "retention").stdout
    assert "dropped" in command(settings, database_url, "retention", "--apply").stdout
    assert "measurement_20200101" not in command(settings, database_url, "retention").stdout
    good = command(settings, database_url, "rollup", "--verify")
    assert (good.returncode, "200 measurements" in good.stdout) == (0, True), good.stderr
    await run(runtime, "UPDATE rollup_hour SET normal = normal + 1 WHERE sensor_id = :sensor", sensor=sensor)
    bad = command(settings, database_url, "rollup", "--verify", sensor)
    assert bad.returncode == 1
    assert "statuses[1] is" in bad.stdout
    assert "--rebuild" in bad.stderr
    assert "200 measurements" in command(settings, database_url, "rollup", "--rebuild").stdout
    assert command(settings, database_url, "rollup", "--verify").returncode == 0
    assert "neither" in command(settings, database_url, "rollup").stderr
