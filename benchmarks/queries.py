"""How soon charts and overviews are there, once a year of measurements is stored.

Fills a database of its own with 20 million raw rows (38 days of 30 sensors at 5 s) and 16 million roll-ups by minute
(a year of them), runs a collector on it and asks over HTTP as the dashboard does: charts that end at a random time, and
the fleet of 10,000 sensors more. ``--scale 0.1`` does it with a tenth of the sensors; ``--keep`` leaves the database
for the next run, which then takes a minute. The figures are those of one client that waits for each answer to its last
byte; beside them stands the processor time that collector and PostgreSQL took for it, and how many pages and rows the
chart's query reads.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import psutil
import psycopg

from audiosense_collector.cli.common import print_table
from audiosense_collector.clock import to_us
from audiosense_collector.db.embedded import EmbeddedServer
from audiosense_collector.db.engine import libpq_url
from audiosense_collector.db.migrate import Retention, migrate
from benchmarks.history import Filled, History, stay_heard
from benchmarks.query_pages import Plan, explain
from deploy.demo.processes import Process, command, read_json, wait_for

SENSORS, RAW_DAYS, MINUTE_DAYS, FLEET = 30, 38, 365, 10_000
FEATURES = "crest_db,centroid_khz,flatness_db,third_1000_db"
ONLY_RAW = "mel_max_shape_07"
SPANS = {
    "10 minutes": timedelta(minutes=10),
    "1 hour": timedelta(hours=1),
    "6 hours": timedelta(hours=6),
    "24 hours": timedelta(days=1),
    "7 days": timedelta(days=7),
    "30 days": timedelta(days=30),
    "1 year": timedelta(days=365),
}
MINUTES_OFF = 20_000
"""A chart ends so many minutes ago at most, at random: no two read the same rows."""
EXPORT_PAUSE_S = 1.0
RETENTION = Retention(RAW_DAYS + 7, MINUTE_DAYS + 35)
PLANS = 5
"""Charts of each kind whose plans are looked at."""
HEADINGS = (
    *("REQUEST", "P50 MS", "P95 MS", "KIB", "COLLECTOR CPU MS", "POSTGRESQL CPU MS"),
    *("PAGES", "ROWS", "PLANNING MS"),
)

Call = Callable[[], tuple[str, dict[str, str | int]]]


def main() -> None:
    """Fill, ask, and print; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of sensors (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=60, help="requests of each kind (default: %(default)s)")
    parser.add_argument(
        "--as-ingested", action="store_true", help="do not move roll-ups together as the hourly job does"
    )
    parser.add_argument("--folder", type=Path, help="where the database is made, with 30 GB free (default: temporary)")
    parser.add_argument("--keep", action="store_true", help="leave the database in --folder, and take the one there")
    arguments = parser.parse_args()
    if arguments.keep:
        if arguments.folder is None:
            parser.error("--keep: say with --folder where")
        arguments.folder.mkdir(parents=True, exist_ok=True)
        print(json.dumps(measure(arguments.folder, arguments)))
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder, prefix="audiosense-queries-") as name:
        print(json.dumps(measure(Path(name), arguments)))


def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, float]:
    """Return the 95th percentiles, in milliseconds: of the slowest kind of chart, of the fleet; and what was filled."""
    with database(folder) as (url, postmaster):
        filled = fill(folder, libpq_url(url), arguments.scale)
        if not arguments.as_ingested:
            order(folder, url)
        kinds = charts(filled)
        with collector(folder, url) as (client, pid):
            asking = Asking(client, pid, postmaster, arguments.rounds)
            plans = explain(url, RETENTION, {name: [call() for _ in range(PLANS)] for name, call in kinds.items()})
            series = asking.ask(kinds, plans)
            asking.ask(lists(filled))
            asking.exports(filled)
            stay_heard(libpq_url(url))
            fleet = asking.ask(overviews(filled))
    print_table(HEADINGS, asking.rows)
    return {
        "series_p95_ms": round(max(series), 1),
        "series_pages": round(max(plan.pages for plan in plans.values())),
        "fleet_p95_ms": round(fleet[0], 1),
        "fleet_sensors": len(filled.sensors) + filled.fleet,
        "raw_rows": filled.raw,
        "minute_rows": filled.minutes,
        "fill_s": round(filled.seconds),
    }


def fill(folder: Path, url: str, scale: float) -> Filled:
    """Fill the database, unless that was done before."""
    note = folder / "filled.json"
    if note.exists():
        filled = Filled.from_json(note.read_text())
    else:
        with History(url) as history:
            filled = history.fill(
                max(1, round(SENSORS * scale)), RAW_DAYS, MINUTE_DAYS, fleet=max(10, round(FLEET * min(1, scale * 10)))
            )
        note.write_text(filled.to_json())
    print(
        f"{filled.raw:,} raw rows, {filled.minutes:,} minutes, {filled.hours:,} hours of {len(filled.sensors)} "
        f"sensors written in {filled.seconds:.0f} s",
        flush=True,
    )
    return filled


def order(folder: Path, url: str) -> None:
    """Move the roll-ups that charts ask for together, as the collector has done by the time that they are so old.

    Nothing comes in between two runs, so a kept database is in order after the first.
    """
    note = folder / "ordered"
    if note.exists():
        return
    days = MINUTES_OFF // (24 * 60) + SPANS["7 days"].days + 2
    started = time.monotonic()
    environment = {"DATABASE_URL": url, "AUDIOSENSE_DATA_DIR": str(folder / "collector")}
    said = command(["audiosense_collector", "db", "order", "--days", str(days)], environment=environment)
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE) rollup_minute, rollup_hour")
    note.touch()
    print(f"{said.strip()}\nin {time.monotonic() - started:.0f} s", flush=True)


@contextmanager
def database(folder: Path) -> Iterator[tuple[str, int]]:
    """Run a PostgreSQL with the settings that the embedded one has, but for the safety of what is written.

    Yields its address and its process.
    """
    options = {"fsync": "off", "synchronous_commit": "off", "max_wal_size": "4GB", "full_page_writes": "off"}
    server = EmbeddedServer(folder / "postgresql", options)
    try:
        url = server.start()
        migrate(url, retention=RETENTION)
        yield url, int((server.data / "postmaster.pid").read_text().split()[0])
    finally:
        server.release()


@contextmanager
def collector(folder: Path, url: str) -> Iterator[tuple[httpx.Client, int]]:
    """Run a collector, and give a client of its browsers' port, and its process."""
    environment = {
        "DATABASE_URL": url,
        "AUDIOSENSE_DATA_DIR": str(folder / "collector"),
        "AUDIOSENSE_HTTP_PORT": "0",
        "AUDIOSENSE_AGENT_HOST": "127.0.0.1",
        "AUDIOSENSE_AGENT_PORT": "0",
        "AUDIOSENSE_RETENTION_DAYS": str(RAW_DAYS + 7),
        "AUDIOSENSE_MINUTE_RETENTION_DAYS": str(MINUTE_DAYS + 35),
        # Answers are measured, not the signing in.
        "AUDIOSENSE_DEMO": "1",
    }
    with Process(
        "collector", ["audiosense_collector", "serve"], environment=environment, log=folder / "log"
    ) as process:
        path = folder / "collector" / "run" / "addresses.json"
        found = wait_for("the collector listens", lambda: read_json(path), seconds=60, processes=[process])
        with httpx.Client(base_url=found["http"], trust_env=False, timeout=60) as client:
            yield client, process.pid


def charts(filled: Filled) -> dict[str, Call]:
    """Name the charts."""
    calls: dict[str, Call] = {}
    for name, span in SPANS.items():
        calls[f"series, {name}"] = _chart(filled, "series", span, points=1_000)
        calls[f"series, {name}, 4 features"] = _chart(filled, "series", span, points=1_000, features=FEATURES)
        calls[f"bands, {name}"] = _chart(filled, "bands", span, columns=1_000)
    for name in ("24 hours", "7 days"):
        calls[f"series, {name}, feature without minutes"] = _chart(
            filled, "series", SPANS[name], points=1_000, features=ONLY_RAW
        )
    calls["series, 1 hour, 4,000 points"] = _chart(filled, "series", SPANS["1 hour"], points=4_000)
    calls["series, 7 days, 4,000 points"] = _chart(filled, "series", SPANS["7 days"], points=4_000)
    return calls


def lists(filled: Filled) -> dict[str, Call]:
    """Name the lists."""
    return {
        "events, a page of all": lambda: ("/api/v1/events", {"limit": 100}),
        "events, a page of a sensor": lambda: (
            "/api/v1/events",
            {"limit": 100, "sensor": str(random.choice(filled.sensors))},  # noqa: S311
        ),
    }


def overviews(filled: Filled) -> dict[str, Call]:
    """Name the overviews."""
    count = len(filled.sensors) + filled.fleet
    return {
        f"fleet of {count:,} sensors": lambda: ("/api/v1/fleet", {}),
        "fleet, a page of 100 with sparklines": lambda: ("/api/v1/fleet", {"limit": 100}),
        "fleet, the 100 most in need": lambda: ("/api/v1/fleet", {"limit": 100, "order": "need"}),
    }


def _chart(filled: Filled, kind: str, span: timedelta, **parameters: str | int) -> Call:
    def call() -> tuple[str, dict[str, str | int]]:
        sensor = random.choice(filled.sensors)  # noqa: S311 - no secret
        back = 0 if span > timedelta(days=30) else random.randrange(MINUTES_OFF if span < timedelta(days=7) else 10_000)  # noqa: S311
        end = to_us(filled.until - timedelta(minutes=back))
        start = end - round(span.total_seconds() * 1e6)
        return f"/api/v1/sensors/{sensor}/{kind}", {"from_us": start, "to_us": end, **parameters}

    return call


class Asking:
    """Asks a collector, and gathers a row of the table for each kind of request."""

    def __init__(self, client: httpx.Client, collector_pid: int, postmaster: int, rounds: int) -> None:
        self.rows: list[tuple[str, ...]] = []
        self._client = client
        self._processes = psutil.Process(collector_pid), psutil.Process(postmaster)
        self._rounds = rounds

    def ask(self, calls: dict[str, Call], plans: Mapping[str, Plan] | None = None) -> list[float]:
        """Return the 95th percentile of each kind, in milliseconds; there is a round before that does not count."""
        for name, call in calls.items():
            self._get(name, call)
        known = plans or {}
        return [self._measure(name, partial(self._get, name, call), known.get(name)) for name, call in calls.items()]

    def exports(self, filled: Filled) -> None:
        """Measure until the first byte of an export of all raw rows of a sensor comes; the rest is not taken."""
        times: list[float] = []
        size, before = 0, self._cpu_s()
        while len(times) < self._rounds:
            started = time.perf_counter()
            size = self._first_bytes(filled)
            if size:
                times.append((time.perf_counter() - started) * 1e3)
            else:
                # Some run at a time, and one whose reader has gone ends with its next piece.
                time.sleep(EXPORT_PAUSE_S)
        self._add("export, first byte", times, size, before)

    def _measure(self, name: str, request: Callable[[], int], plan: Plan | None) -> float:
        times, size, before = [], 0, self._cpu_s()
        for _ in range(self._rounds):
            started = time.perf_counter()
            size = request()
            times.append((time.perf_counter() - started) * 1e3)
        return self._add(name, times, size, before, plan)

    def _add(
        self, name: str, times: list[float], size: int, before: tuple[float, float], plan: Plan | None = None
    ) -> float:
        used = [1e3 * (after - earlier) / len(times) for earlier, after in zip(before, self._cpu_s(), strict=True)]
        p95 = float(np.percentile(times, 95))
        figures = (np.median(times), p95, size / 1024, *used)
        read = ("", "", "")
        if plan is not None:
            read = (f"{plan.pages:,.0f}", f"{plan.rows:,.0f}", f"{plan.planning_ms:.1f}")
        self.rows.append((name, *(f"{each:.1f}" for each in figures), *read))
        return p95

    def _get(self, name: str, call: Call) -> int:
        path, parameters = call()
        response = self._client.get(path, params=parameters)
        response.raise_for_status()
        assert len(response.content) > 500, f"{name}: {response.text}"  # noqa: PLR2004 - an empty answer
        return response.num_bytes_downloaded

    def _first_bytes(self, filled: Filled) -> int:
        """Return how many bytes came first, none where too many exports run."""
        sensor, end = random.choice(filled.sensors), to_us(filled.until)  # noqa: S311
        parameters: dict[str, str | int] = {"from_us": end - RAW_DAYS * 86_400_000_000, "to_us": end, "format": "csv"}
        with self._client.stream("GET", f"/api/v1/sensors/{sensor}/export", params=parameters) as response:
            if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                return 0
            response.raise_for_status()
            return len(next(response.iter_raw()))

    def _cpu_s(self) -> tuple[float, float]:
        """Return the processor seconds of the collector, and of PostgreSQL's backends."""
        collector, postmaster = self._processes
        return _cpu_s([collector]), _cpu_s(postmaster.children())


def _cpu_s(processes: list[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes]
    return float(sum(each.user + each.system for each in times))


if __name__ == "__main__":
    main()
