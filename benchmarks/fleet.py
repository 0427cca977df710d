"""A fleet on one collector: ten thousand agents over TLS, and the collector killed and started again under them.

Each agent has a connection of its own, keeps it, and sends a batch a minute at its own time of the minute. After some
minutes the collector is killed (SIGKILL) and started again; agents come back as real ones do, each failure waited for
with full jitter. At the end every measurement that was acknowledged must be stored, and none twice.

Database, collector and agents share the computer: with few cores the agents' own work is a good part of the latency.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import resource
import ssl
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import psutil
import psycopg
import uvloop

from audiosense_agent.uplink import Retry
from audiosense_collector.db.embedded import EmbeddedServer
from audiosense_collector.db.engine import libpq_url
from benchmarks.fleet_agents import Record, SimulatedAgent, register
from deploy.demo.processes import Process, read_json, wait_for

WINDOWS = 12
START_S = 120
_SPARE_FILES = 200
_DRAIN_S = Retry().cap_s + 60
_SAMPLE_S = 1.0


def main() -> None:
    """Measure and print; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--agents", type=int, default=10_000, help="(default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=5.0, help="before the kill (default: %(default)s)")
    parser.add_argument("--after", type=float, default=2.0, help="minutes after it (default: %(default)s)")
    parser.add_argument("--period", type=float, default=60.0, help="seconds between an agent's batches")
    arguments = parser.parse_args()
    allow_files(arguments.agents + _SPARE_FILES)
    # Of each connection that the kill ends, the loop would tell that it could not say goodbye.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL + 1)
    with tempfile.TemporaryDirectory() as name:
        figures = uvloop.run(
            Fleet(Path(name), arguments.agents, arguments.period).measure(60 * arguments.minutes, 60 * arguments.after)
        )
    print(json.dumps(figures))


def allow_files(wanted: int) -> None:
    """Raise this process's limit of open files; the collector raises its own.

    Raises:
        SystemExit: the hard limit is too low.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < wanted:
        raise SystemExit(
            f"{wanted} files must be open at once, the limit is {hard}: raise it (ulimit -Hn), or --agents"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def trust(folder: Path) -> ssl.SSLContext:
    """Return what agents of the collector in ``folder`` verify its certificate with."""
    return ssl.create_default_context(cafile=folder / "collector" / "tls" / "ca.pem")


@asynccontextmanager
async def collector(folder: Path, port: int = 0) -> AsyncIterator[tuple[Process, int]]:
    """Run a collector with a data directory in ``folder``; yields it and the agents' port, any free one for 0."""
    path = folder / "collector" / "run" / "addresses.json"
    path.unlink(missing_ok=True)
    environment = {
        "DATABASE_URL": "",
        "AUDIOSENSE_DATA_DIR": str(folder / "collector"),
        "AUDIOSENSE_HTTP_PORT": "0",
        "AUDIOSENSE_AGENT_HOST": "127.0.0.1",
        "AUDIOSENSE_AGENT_PORT": str(port),
        "AUDIOSENSE_BASELINE_WINDOWS": "1000000",
    }
    arguments, log = ["audiosense_collector", "serve"], folder / "collector.log"
    with Process("collector", arguments, environment=environment, log=log) as process:
        # In a thread: the agents live on meanwhile.
        found = await asyncio.to_thread(
            wait_for, "the collector listens", lambda: read_json(path), seconds=START_S, processes=[process]
        )
        yield process, urlsplit(found["agents"]).port or 0


def resident_mib(pid: int) -> float:
    """Return the memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


class Fleet:
    """A collector in a process of its own, its database, and agents in this process."""

    def __init__(self, folder: Path, agents: int, period_s: float) -> None:
        self._folder = folder
        self._period_s = period_s
        self._record = Record()
        self._agents = [SimulatedAgent(number, self._record, windows=WINDOWS) for number in range(agents)]
        self._memory: list[float] = []
        self._port = 0
        self._pid = 0
        self._stop = asyncio.Event()

    async def measure(self, before_s: float, after_s: float) -> dict[str, float]:
        """Run the fleet, kill the collector, run on, and count."""
        server = EmbeddedServer(self._folder / "collector" / "postgresql")
        url = libpq_url(server.start())
        try:
            async with collector(self._folder) as (process, self._port):
                self._pid = process.pid
                with psycopg.connect(url) as connection:
                    register(connection, self._agents)
                    connection.execute("ANALYZE")
                context = trust(self._folder)
                began, used = time.monotonic(), self._cpu_s(server)
                living = [asyncio.create_task(self._live(agent, began, context)) for agent in self._agents]
                watching = asyncio.create_task(self._watch())
                await self._run(before_s, living)
                memory, open_then = self._memory[-1], self._record.open
                self._report_cpu(used, self._cpu_s(server))
                killed = time.monotonic()
                process.kill()
            async with collector(self._folder, self._port) as (process, _):
                self._pid = process.pid
                listens = time.monotonic()
                print(f"killed, and listening again after {listens - killed:.1f} s", flush=True)
                await self._run(after_s, living)
                self._stop.set()
                await self._drain(living)
                watching.cancel()
                for agent in self._agents:
                    agent.close()
            with psycopg.connect(url) as connection:
                lost, duplicated = self._conserve(connection)
        finally:
            server.release()
        print(f"{open_then} connections before the kill, the collector's memory then {memory:.0f} MiB", flush=True)
        return self._figures(began, killed) | {"lost": lost, "duplicated": duplicated}

    async def _live(self, agent: SimulatedAgent, began: float, context: ssl.SSLContext) -> None:
        """Send a batch in each period, at the agent's own time of it; one that was late is not made up for."""
        due = began + self._period_s * agent.number / len(self._agents)
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), max(0.0, due - time.monotonic()))
            if self._stop.is_set():
                return
            await agent.deliver(self._port, context)
            due = max(due + self._period_s, time.monotonic())

    async def _run(self, seconds: float, living: list[asyncio.Task[None]]) -> None:
        """Let the fleet live; an agent that ends was refused, which is an error."""
        done, _ = await asyncio.wait(living, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    async def _drain(self, living: list[asyncio.Task[None]]) -> None:
        """Let each agent end what it is at; one that still waits then keeps its batch, as a real one would."""
        done, waiting = await asyncio.wait(living, timeout=_DRAIN_S)
        for task in waiting:
            task.cancel()
        for task in done:
            task.result()
        if waiting:
            print(f"{len(waiting)} agents still wait to be answered after {_DRAIN_S:.0f} s", flush=True)

    async def _watch(self) -> None:
        while True:
            with contextlib.suppress(OSError, IndexError):
                self._memory.append(resident_mib(self._pid))
            await asyncio.sleep(_SAMPLE_S)

    def _cpu_s(self, server: EmbeddedServer) -> list[float]:
        """Return the processor seconds of collector, PostgreSQL's present backends and agents, up to now."""
        postmaster = psutil.Process(int((server.data / "postmaster.pid").read_text().split()[0]))
        groups = [psutil.Process(self._pid)], postmaster.children(), [psutil.Process()]
        return [sum(sum(process.cpu_times()[:2]) for process in group) for group in groups]

    def _report_cpu(self, before: list[float], after: list[float]) -> None:
        batches = max(1, len(self._record.answered))
        parts = [1e3 * (now - then) / batches for then, now in zip(before, after, strict=True)]
        print(
            f"{batches} batches; processor time of each, its share of connecting included, in ms: "
            f"collector {parts[0]:.1f}, PostgreSQL {parts[1]:.1f}, agents {parts[2]:.1f}",
            flush=True,
        )

    def _conserve(self, connection: psycopg.Connection[tuple[int, ...]]) -> tuple[int, int]:
        """Return how many acknowledged measurements are not stored, and how many are stored more than once."""
        query = """
        SELECT count(DISTINCT (m.epoch, m.seq)) FILTER (WHERE m.seq < s.sent),
            count(m.seq) - count(DISTINCT (m.epoch, m.seq)) FILTER (WHERE m.seq IS NOT NULL)
        FROM unnest(%s::uuid[], %s::bigint[]) AS s (sensor_id, sent) LEFT JOIN measurement m USING (sensor_id)
        GROUP BY s.sensor_id
        """
        sent = [agent.sent for agent in self._agents]
        rows = connection.execute(query, [[agent.sensor for agent in self._agents], sent]).fetchall()
        return sum(sent) - sum(row[0] for row in rows), sum(row[1] for row in rows)

    def _figures(self, began: float, killed: float) -> dict[str, float]:
        record = self._record
        # In the first period the connections are made.
        steady = [took for when, took in record.answered if began + self._period_s < when < killed]
        first = [took for when, took in record.answered if when <= began + self._period_s]
        after = [took for when, took in record.answered if when > killed]
        failed = [when for when in record.failed if when >= killed]
        print(
            f"{len(record.answered)} batches answered, {len(record.failed)} requests without an answer, "
            f"{len(record.put_off)} put off; {record.connections} connections made",
            flush=True,
        )
        quarter = max(1, len(self._memory) // 4)
        print(f"memory by quarters, MiB: {[round(max(part)) for part in _parts(self._memory, quarter)]}", flush=True)
        recovered = self._recovered(killed, _p99(steady or first), max(failed, default=killed))
        return {
            "agents": len(self._agents),
            "p99_ms_before": round(1e3 * _p99(steady or first), 1),
            "p99_ms_after": round(1e3 * _p99(after), 1),
            "recovery_s": round(recovered - killed, 1),
            "rss_mib": round(max(self._memory)),
        }

    def _recovered(self, killed: float, usual_s: float, last_failure: float) -> float:
        """Return when the fleet was as before: nobody failed any more, and a second's p99 was within twice the usual.

        An agent that has nothing to send does not notice the kill: those that do are all that fail.
        """
        answered = sorted((when, took) for when, took in self._record.answered if when > last_failure)
        times = np.array([when for when, _ in answered])
        for when, _ in answered:
            span = slice(int(np.searchsorted(times, when)), int(np.searchsorted(times, when + 1.0)))
            if _p99([took for _, took in answered[span]]) <= 2 * usual_s:
                return when
        return answered[-1][0] if answered else killed


def _parts(values: list[float], size: int) -> list[list[float]]:
    return [values[start : start + size] for start in range(0, len(values), size)]


def _p99(values: list[float]) -> float:
    return float(np.percentile(values, 99)) if values else 0.0


if __name__ == "__main__":
    main()
