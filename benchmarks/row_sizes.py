"""What a measurement, a minute and an hour take on disk, indexes included: the rows of docs/scaling.md's table.

A day of sensors at 5 s goes to a real collector by its agents' port, as it would have come: minute by minute, all
sensors by turns. Random features: those of real machines compress no better in a table that does not compress them.
Hours are weighed as they lie once they were moved together: a day that passes in a minute leaves no time for the
database's own upkeep to free what was written anew with each batch.
"""

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg
import uvloop

from audiosense_collector.db.embedded import EmbeddedServer
from audiosense_collector.db.engine import libpq_url
from benchmarks.fleet import collector, trust
from benchmarks.fleet_agents import WINDOW_US, Record, SimulatedAgent, register

DAY_US = 86_400_000_000
WINDOWS = 120
TABLES = {"measurement": "raw", "rollup_minute": "minute", "rollup_hour": "hour"}


def main() -> None:
    """Measure and print; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sensors", type=int, default=10, help="(default: %(default)s)")
    parser.add_argument("--days", type=float, default=1.0, help="(default: %(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        print(json.dumps(uvloop.run(measure(Path(name), arguments.sensors, arguments.days))))


async def measure(folder: Path, sensors: int, days: float) -> dict[str, float]:
    """Fill a collector and weigh its tables."""
    now = time.time_ns() // 1_000 - round(days * DAY_US)
    end = time.time_ns() // 1_000
    record = Record()
    agents = [SimulatedAgent(number, record, windows=WINDOWS, clock_us=lambda: now) for number in range(sensors)]
    server = EmbeddedServer(folder / "collector" / "postgresql")
    url = libpq_url(server.start())
    try:
        async with collector(folder) as (_, port):
            with psycopg.connect(url) as connection:
                register(connection, agents)
            while (now := now + WINDOWS * WINDOW_US) < end:
                await asyncio.gather(*(agent.deliver(port, trust(folder)) for agent in agents))
            for agent in agents:
                agent.close()
        with psycopg.connect(url, autocommit=True) as connection:
            return weigh(connection)
    finally:
        server.release()


def weigh(connection: psycopg.Connection[tuple[Any, ...]]) -> dict[str, float]:
    """Return bytes for each row of each table, and for each sensor and day at one window in 5 s."""
    found: dict[str, float] = {}
    for table, name in TABLES.items():
        how = "FULL, ANALYZE" if table == "rollup_hour" else "ANALYZE"
        connection.execute(f"VACUUM ({how}) {table}".encode())
        query = f"""
        SELECT (SELECT count(*) FROM {table}), (SELECT sum(pg_total_relation_size(relid)) FROM (
            SELECT relid FROM pg_partition_tree('{table}') UNION SELECT '{table}'::regclass) AS part)
        """  # noqa: S608 - constants
        rows, size = connection.execute(query.encode()).fetchone() or (0, 0)
        found[f"bytes_{name}"] = round(float(size) / max(1, rows), 1)
        print(f"{table}: {rows} rows, {float(size) / 2**20:.1f} MiB")
    a_day = {"raw": DAY_US // WINDOW_US, "minute": 1_440, "hour": 24}
    for name, rows in a_day.items():
        found[f"mb_{name}_a_day"] = round(found[f"bytes_{name}"] * rows / 1e6, 3)
    return found


if __name__ == "__main__":
    main()
