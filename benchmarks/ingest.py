"""How many measurements a second one small server takes in and commits, and what that costs.

Collector (``audiosense-collector serve``), its embedded PostgreSQL and the load generator (``ingest_load``, a process
of its own) share this computer. Agents enrol with a real key and send real batches over TLS, each on a connection of
its own, their windows one after the other, so that roll-ups of minutes and hours begin and go on. The limit beside it
is ``COPY`` of the same rows, made ready beforehand, into a table of the same columns, key and partitions. At the end
all rows are counted, all counts in roll-ups compared, and some sensors' roll-ups made again from the rows.
"""

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg

from audiosense_collector.clock import DAY_US
from audiosense_collector.db.embedded import EmbeddedServer
from audiosense_collector.db.engine import libpq_url
from audiosense_common.enrolment import EnrolmentKey
from audiosense_common.features import SCHEMA_ID
from benchmarks import ingest_check, ingest_rows
from deploy.demo.processes import Process, command, read_json, wait_for

MOST_ROWS_PER_S = 200_000
"""Bodies are made for so many."""
_TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure and print; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=15.0, help="of each run (default: %(default)s)")
    parser.add_argument("--connections", type=int, default=32, help="agents at a time (default: %(default)s)")
    parser.add_argument("--full", type=int, default=20_000_000, help="rows for the full table, 0: no such run")
    parser.add_argument("--sizes", type=int, nargs="+", default=[600, 60], help="batches (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=2, help="of the collector (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where the database is made (default: a temporary folder)")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        Path(name).chmod(0o755)
        print(json.dumps(measure(Path(name), arguments)))


def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, float]:
    """Run with an empty and with a full table, and name the figures."""
    result: dict[str, float] = {}
    database = EmbeddedServer(folder / "collector" / "postgresql")
    with collector(folder, arguments.processes) as process:
        fleet = enrol(folder, arguments.connections)
        with psycopg.connect(libpq_url(database.url()), autocommit=True) as connection:
            bench = Bench(fleet, connection, process.pid, arguments.seconds)
            for size in arguments.sizes:
                result[f"rows_per_s_{size}"] = bench.run(f"batches of {size}", size)
            result["copy_rows_per_s"] = bench.copy()
            if arguments.full:
                ingest_rows.fill(connection, arguments.full)
                result["rows_per_s_full_table"] = bench.run(f"{arguments.full:,} rows there", arguments.sizes[0])
                result["copy_rows_per_s_full_table"] = bench.copy()
            ingest_check.check(connection, fleet.sensors, bench.acknowledged)
    first = result[f"rows_per_s_{arguments.sizes[0]}"]
    result["ratio_to_copy"] = first / result["copy_rows_per_s"]
    if arguments.full:
        result["ratio_full_to_empty"] = result["rows_per_s_full_table"] / first
    return {name: round(value, 3 if "ratio" in name else 0) for name, value in result.items()}


@contextmanager
def collector(folder: Path, processes: int = 1) -> Iterator[Process]:
    """Run a collector with a database of its own."""
    environment = _environment(folder)
    arguments = ["audiosense_collector", "serve", "--processes", str(processes)]
    with Process("collector", arguments, environment=environment, log=folder / "log") as made:
        addresses = folder / "collector" / "run" / "addresses.json"
        wait_for("the collector listens", lambda: read_json(addresses), seconds=90, processes=[made])
        yield made


def _environment(folder: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": "",
        "AUDIOSENSE_DATA_DIR": str(folder / "collector"),
        "AUDIOSENSE_HTTP_PORT": "0",
        "AUDIOSENSE_AGENT_HOST": "127.0.0.1",
        "AUDIOSENSE_AGENT_PORT": "0",
    }


@dataclass(slots=True)
class Fleet:
    """Enrolled agents as the load generator's plan has them, and where they send to."""

    address: str
    ca_pem: str
    agents: list[dict[str, Any]] = field(default_factory=list)

    @property
    def sensors(self) -> list[uuid.UUID]:
        """One for each agent."""
        return [uuid.UUID(agent["sensor"]) for agent in self.agents]


def enrol(folder: Path, count: int) -> Fleet:
    """Enrol agents with one sensor each; their first windows are four weeks old."""
    addresses = json.loads((folder / "collector" / "run" / "addresses.json").read_text())
    made = ["audiosense_collector", "enrolment-key", "create", "--url", addresses["agents"], "--quiet"]
    key = EnrolmentKey.decode(command([*made, "--uses", str(count)], environment=_environment(folder)))
    first_us = time.time_ns() // 1_000 - 28 * DAY_US
    with httpx.Client(base_url=addresses["agents"], verify=False, trust_env=False, timeout=60) as client:  # noqa: S501
        fleet = Fleet(addresses["agents"], client.get("/api/v1/trust").raise_for_status().json()["ca_pem"])
        for number in range(count):
            sensor = {
                "name": "pump",
                "machine": f"Pump {number}",
                "sample_rate_hz": 48_000,
                "window_s": 5.0,
                "schema": SCHEMA_ID,
                "source": "simulator",
            }
            request = {"secret": key.secret, "name": f"agent {number}", "version": "0.2.0", "sensors": [sensor]}
            answer = client.post("/api/v1/enrol", json=request).raise_for_status().json()
            fleet.agents.append(
                {
                    "id": answer["agent"],
                    "credential": answer["credential"],
                    "sensor": answer["sensors"]["pump"],
                    "epoch": str(uuid.uuid4()),
                    "token": None,
                    "seq": 0,
                    "first_us": first_us + number * 137_000_000,
                }
            )
    return fleet


class Bench:
    """Runs the load generator and notes what it and the servers did."""

    def __init__(self, fleet: Fleet, connection: psycopg.Connection[Any], collector_pid: int, seconds: float) -> None:
        self.acknowledged = 0
        self._fleet, self._connection, self._collector, self._seconds = fleet, connection, collector_pid, seconds
        row = connection.execute("SELECT pg_read_file('postmaster.pid')").fetchone()
        assert row is not None
        self._postmaster = int(row[0].splitlines()[0])
        print(f"{'':24}{'rows/s':>9}{'batches/s':>11}{'p50 ms':>8}{'p99 ms':>8}{'503s':>6}  CPU us/row: ", end="")
        print("collector, PostgreSQL, load")

    def run(self, name: str, count: int) -> float:
        """Send batches of ``count`` measurements; returns how many measurements a second were acknowledged."""
        self._connection.execute("CHECKPOINT")
        self._connection.execute("VACUUM ANALYZE agent, sensor")
        address = urlsplit(self._fleet.address)
        batches = 1 + int(MOST_ROWS_PER_S * self._seconds / count / len(self._fleet.agents))
        plan: dict[str, Any] = {
            "host": address.hostname,
            "port": address.port,
            "ca": self._fleet.ca_pem,
            "count": count,
        }
        plan |= {"seconds": self._seconds, "batches": batches, "seed": count, "agents": self._fleet.agents}
        arguments = [sys.executable, "-m", "benchmarks.ingest_load"]
        with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as load:
            assert load.stdin is not None
            assert load.stdout is not None
            print(json.dumps(plan), file=load.stdin, flush=True)
            if load.stdout.readline() != "ready\n":
                raise SystemExit("the load generator failed")
            before = self._cpu_s()
            print("go", file=load.stdin, flush=True)
            found = json.loads(load.stdout.readline())
            after = self._cpu_s()
        for agent, state in zip(self._fleet.agents, found["agents"], strict=True):
            agent.update(state)
        self.acknowledged += found["warmed"] + found["rows"]
        used = [(late - early) / found["rows"] * 1e6 for early, late in zip(before, after, strict=True)]
        used.append(found["cpu_s"] / found["rows"] * 1e6)
        rate: float = found["rows"] / found["seconds"]
        print(
            f"{name:24}{rate:9,.0f}{rate / count:11.1f}{found['p50_ms']:8.1f}{found['p99_ms']:8.1f}"
            f"{found['put_off']:6}  {', '.join(f'{each:.1f}' for each in used)}",
            flush=True,
        )
        return rate

    def copy(self) -> float:
        """Return how many rows a second a plain COPY stores, with one and with two connections, whichever is faster."""
        rates = {}
        for connections in (1, 2):
            before = self._cpu_s()[1]
            rows, seconds = ingest_rows.copy(self._connection, connections, self._seconds)
            rates[connections] = rows / seconds
            cpu = (self._cpu_s()[1] - before) / rows * 1e6
            print(
                f"{f'COPY, {connections} at a time':24}{rates[connections]:9,.0f}{'':33}  -, {cpu:.1f}, -", flush=True
            )
        return max(rates.values())

    def _cpu_s(self) -> tuple[float, float]:
        """Return the CPU time of the collector and of PostgreSQL, each with all that it has started."""
        collector = database = 0.0
        for entry in Path("/proc").iterdir():
            if not entry.name.isdecimal():
                continue
            family = {int(entry.name), _parent(entry)}
            # The embedded server is not the collector's child, and its own are backends.
            if self._postmaster in family:
                database += _cpu_s(entry)
            elif self._collector in family:
                collector += _cpu_s(entry)
        return collector, database


def _stat(process: Path) -> list[str]:
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _parent(process: Path) -> int:
    found = _stat(process)
    return int(found[1]) if found else 0


def _cpu_s(process: Path) -> float:
    """User and system time, and of children that have ended."""
    found = _stat(process)
    return sum(map(int, found[11:15])) / _TICKS if found else 0.0


if __name__ == "__main__":
    main()
