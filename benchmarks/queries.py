"""How soon charts and overviews are there, once a year of measurements is stored.

Fills a database of its own with 20 million raw rows (38 days of 30 sensors at 5 s) and 16 million roll-ups by minute
(a year of them), runs a collector on it and asks over HTTP as the dashboard does: charts that end at a random time, and
the fleet once it has 10,000 sensors more. `--scale 0.1` does it with a tenth of the sensors. The figures are those of
one client that waits for each answer to its last byte.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import numpy as np

from audiosense_collector.cli.common import print_table
from audiosense_collector.clock import to_us
from audiosense_collector.db.embedded import EmbeddedServer
from audiosense_collector.db.engine import libpq_url
from audiosense_collector.db.migrate import Retention, migrate
from benchmarks.history import Filled, History
from deploy.demo.processes import Process, read_json, wait_for

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

Call = Callable[[], tuple[str, dict[str, str | int]]]


def main() -> None:
    """Fill, ask, and print; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of sensors (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=60, help="requests of each kind (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where the database is made, with 25 GB free (default: temporary)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder, prefix="audiosense-queries-") as name:
        print(json.dumps(measure(Path(name), arguments.scale, arguments.rounds)))


def measure(folder: Path, scale: float, rounds: int) -> dict[str, float]:
    """Return the 95th percentiles, in milliseconds: of the slowest kind of chart, of the fleet, of the rest."""
    with database(folder) as url:
        history = History(libpq_url(url))
        try:
            filled = history.fill(max(1, round(SENSORS * scale)), RAW_DAYS, MINUTE_DAYS)
            print(
                f"{filled.raw:,} raw rows, {filled.minutes:,} minutes, {filled.hours:,} hours of {len(filled.sensors)} "
                f"sensors written in {filled.seconds:.0f} s",
                flush=True,
            )
            with collector(folder, url) as client:
                times = ask(client, charts(filled), rounds)
                others = ask(client, lists(filled), rounds)
                others["export, first byte"] = [first_byte(client, filled) for _ in range(rounds)]
                ids = history.add_sensors("Fleet", max(10, round(FLEET * min(1, scale * 10))), events=3)
                history.write_minutes(ids, filled.until - timedelta(hours=1), filled.until)
                history.analyse()
                fleet = ask(client, overviews(len(ids)), rounds)
        finally:
            history.close()
    report(times | others | fleet)
    slowest = max(np.percentile(each, 95) for each in times.values())
    whole = next(iter(fleet.values()))
    return {
        "series_p95_ms": round(float(slowest), 1),
        "fleet_p95_ms": round(float(np.percentile(whole, 95)), 1),
        "fleet_sensors": len(ids) + len(filled.sensors),
        "raw_rows": filled.raw,
        "minute_rows": filled.minutes,
        "fill_s": round(filled.seconds),
    }


@contextmanager
def database(folder: Path) -> Iterator[str]:
    """Run a PostgreSQL with the settings that the embedded one has, but for the safety of what is written."""
    options = {"fsync": "off", "synchronous_commit": "off", "max_wal_size": "4GB", "full_page_writes": "off"}
    server = EmbeddedServer(folder / "postgresql", options)
    try:
        url = server.start()
        migrate(url, retention=Retention(RAW_DAYS + 7, MINUTE_DAYS + 35))
        yield url
    finally:
        server.release()


@contextmanager
def collector(folder: Path, url: str) -> Iterator[httpx.Client]:
    """Run a collector, and give a client of its browsers' port."""
    environment = {
        "DATABASE_URL": url,
        "AUDIOSENSE_DATA_DIR": str(folder / "collector"),
        "AUDIOSENSE_HTTP_PORT": "0",
        "AUDIOSENSE_AGENT_HOST": "127.0.0.1",
        "AUDIOSENSE_AGENT_PORT": "0",
        "AUDIOSENSE_RETENTION_DAYS": str(RAW_DAYS + 7),
        "AUDIOSENSE_MINUTE_RETENTION_DAYS": str(MINUTE_DAYS + 35),
    }
    with Process(
        "collector", ["audiosense_collector", "serve"], environment=environment, log=folder / "log"
    ) as process:
        path = folder / "collector" / "run" / "addresses.json"
        found = wait_for("the collector listens", lambda: read_json(path), seconds=60, processes=[process])
        with httpx.Client(base_url=found["http"], trust_env=False, timeout=60) as client:
            yield client


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


def overviews(count: int) -> dict[str, Call]:
    """Name the overviews."""
    return {
        f"fleet of {count:,} sensors": lambda: ("/api/v1/fleet", {}),
        "fleet, a page of 100 with sparklines": lambda: ("/api/v1/fleet", {"limit": 100}),
    }


def _chart(filled: Filled, kind: str, span: timedelta, **parameters: str | int) -> Call:
    def call() -> tuple[str, dict[str, str | int]]:
        sensor = random.choice(filled.sensors)  # noqa: S311 - no secret
        back = 0 if span > timedelta(days=30) else random.randrange(MINUTES_OFF if span < timedelta(days=7) else 10_000)  # noqa: S311
        end = to_us(filled.until - timedelta(minutes=back))
        start = end - round(span.total_seconds() * 1e6)
        return f"/api/v1/sensors/{sensor}/{kind}", {"from_us": start, "to_us": end, **parameters}

    return call


def ask(client: httpx.Client, calls: dict[str, Call], rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of each request; kinds take turns, after a round that does not count."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds + 1):
        for name, call in calls.items():
            path, parameters = call()
            started = time.perf_counter()
            response = client.get(path, params=parameters)
            passed = time.perf_counter() - started
            response.raise_for_status()
            assert len(response.content) > 500, f"{name}: {response.text}"  # noqa: PLR2004 - an empty answer
            if turn:
                times[name].append(passed * 1e3)
    return times


def first_byte(client: httpx.Client, filled: Filled) -> float:
    """Return after how many milliseconds an export of all raw rows of a sensor begins; the rest is not taken."""
    sensor, end = random.choice(filled.sensors), to_us(filled.until)  # noqa: S311
    parameters: dict[str, str | int] = {"from_us": end - RAW_DAYS * 86_400_000_000, "to_us": end, "format": "csv"}
    started = time.perf_counter()
    with client.stream("GET", f"/api/v1/sensors/{sensor}/export", params=parameters) as response:
        response.raise_for_status()
        next(response.iter_raw())
        return (time.perf_counter() - started) * 1e3


def report(times: dict[str, list[float]]) -> None:
    """Print a table."""
    rows = [(name, f"{np.median(each):.1f}", f"{np.percentile(each, 95):.1f}") for name, each in times.items()]
    print_table(("REQUEST", "P50 MS", "P95 MS"), rows)


if __name__ == "__main__":
    main()
