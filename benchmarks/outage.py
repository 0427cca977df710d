"""What an outage costs an agent, and how soon a collector that comes back is current again.

An agent with one sensor runs in this process while its collector is down: first its port refuses, then it takes
connections and never answers. Then the collector comes back, and a backlog waits in the spool. "Current" is judged as
the dashboard sees it: from the first answer until the collector knows a window that is newer than this answer.
"""

import argparse
import json
import logging
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np

from audiosense_agent.config import Settings
from audiosense_agent.enrolment import enrol
from audiosense_agent.service import Service
from audiosense_agent.spool import Spool
from audiosense_agent.spool.rows import Measurement
from audiosense_common.features import SCHEMA_ID, SCHEMAS
from audiosense_common.wire import Status
from deploy.demo.processes import Process, command, read_json, wait_for

SENSOR, RATE_HZ, WINDOW_S = "pump", 48_000, 5.0
UPLINK_THREADS = ("uplink", "clips")
_FILL = 5_000
_FRESH = 2
_LOOK_S = 0.01


def main() -> None:
    """Measure and print; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=15.0, help="of either outage (default: %(default)s)")
    parser.add_argument("--backlog", type=int, default=30_000, help="measurements (default: %(default)s)")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    with tempfile.TemporaryDirectory() as name:
        print(json.dumps(measure(Path(name), arguments.seconds, arguments.backlog)))


def measure(folder: Path, seconds: float, backlog: int) -> dict[str, float]:
    """Run the outages and the return, and name the figures."""
    source = {"type": "simulator"}
    sensor = {"name": SENSOR, "machine": SENSOR, "sample_rate_hz": RATE_HZ, "window_s": WINDOW_S, "source": source}
    settings = Settings.model_validate({"name": "outage", "state_dir": folder / "agent", "sensors": [sensor]})
    with collector(folder, 0) as (agents, _):
        key = command(
            ["audiosense_collector", "enrolment-key", "create", "--url", agents, "--quiet"],
            environment=environment(folder, 0),
        )
        enrol(settings, key.strip())
    port = urlsplit(agents).port or 0
    fill(settings.state_dir / "spool.db", backlog)
    service = Service(settings)
    agent = threading.Thread(target=service.run, name="agent")
    agent.start()
    try:
        down = "cannot be reached"
        wait_for("the outage is noticed", lambda: down in service.uplink.state or None, seconds=30, processes=[])
        refused = measure_cpu("connection refused", seconds)
        with black_hole(port) as taken:
            service.uplink.wake()
            silent = measure_cpu("connected, never answered", seconds)
            assert taken(), "the agent has not even tried"
        result = {"idle_cpu_percent": max(refused, silent)}
        watch = Watch(service)
        with collector(folder, port) as (_, http):
            result |= measure_return(service, watch, http, backlog)
            service.stop()
            agent.join()
    finally:
        service.stop()
        agent.join()
    return result


def environment(folder: Path, port: int) -> dict[str, str]:
    """Return the collector's settings."""
    return {
        "DATABASE_URL": "",
        "AUDIOSENSE_DEMO": "1",  # the fleet is read without signing in
        "AUDIOSENSE_DATA_DIR": str(folder / "collector"),
        "AUDIOSENSE_HTTP_PORT": "0",
        "AUDIOSENSE_AGENT_HOST": "127.0.0.1",
        "AUDIOSENSE_AGENT_PORT": str(port),
        "AUDIOSENSE_BASELINE_WINDOWS": "1000000",
    }


@contextmanager
def collector(folder: Path, port: int) -> Iterator[tuple[str, str]]:
    """Run a collector with a database of its own; its addresses for agents and for browsers."""
    arguments = ["audiosense_collector", "serve"]
    log = folder / "collector.log"
    with Process("collector", arguments, environment=environment(folder, port), log=log) as process:
        path = folder / "collector" / "run" / "addresses.json"
        found = wait_for("the collector listens", lambda: read_json(path), seconds=60, processes=[process])
        yield found["agents"], found["http"]


def fill(path: Path, count: int) -> None:
    """Leave measurements in the spool as an outage would have."""
    spool = Spool(path)
    rng = np.random.default_rng(1)
    first_us = time.time_ns() // 1_000 - round((count + 1) * WINDOW_S * 1e6)
    for start in range(0, count, _FILL):
        spool.append(
            [
                Measurement(
                    sensor=SENSOR,
                    time_us=first_us + round(number * WINDOW_S * 1e6),
                    score=None,
                    status=Status.LEARNING,
                    model=None,
                    level_dbfs=-30.0,
                    dominant_hz=440.0,
                    schema_id=SCHEMA_ID,
                    features=rng.normal(-40, 3, len(SCHEMAS[SCHEMA_ID])).astype(np.float16),
                )
                for number in range(start, min(count, start + _FILL))
            ]
        )
    spool.close()


@contextmanager
def black_hole(port: int) -> Iterator[Callable[[], bool]]:
    """Take connections and never answer; yields a function that says whether one came."""
    with socket.create_server(("127.0.0.1", port)) as server:
        server.setblocking(False)
        held: list[socket.socket] = []

        def taken() -> bool:
            try:
                held.append(server.accept()[0])
            except BlockingIOError:
                return bool(held)
            return True

        yield taken
        for connection in held:
            connection.close()


def cpu_s() -> float:
    """Processor time of the threads that speak with the collector, in seconds."""
    threads = [thread for thread in threading.enumerate() if thread.name in UPLINK_THREADS]
    assert len(threads) == len(UPLINK_THREADS)
    clocks = [time.pthread_getcpuclockid(thread.ident) for thread in threads if thread.ident]
    return sum(time.clock_gettime(clock) for clock in clocks)


def measure_cpu(outage: str, seconds: float) -> float:
    """Return percent of one core that the outage takes, beside the sensor's own work."""
    began, before, whole = time.monotonic(), cpu_s(), time.process_time()
    time.sleep(seconds)
    elapsed = time.monotonic() - began
    percent = 100 * (cpu_s() - before) / elapsed
    total = 100 * (time.process_time() - whole) / elapsed
    print(f"{outage}: {percent:.3f} % of a core for the uplink (target < 0.5), {total:.2f} % for the whole agent")
    return round(percent, 3)


class Watch:
    """Notes when the first answer comes, and how many measurements wait then.

    The agent tries again by itself, and may be done with a short backlog before anybody has looked.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._before = service.uplink.batches
        self.answered = 0.0
        self.answered_us = self.waiting = 0
        self.seen = threading.Event()
        threading.Thread(target=self._run, name="watch", daemon=True).start()

    def _run(self) -> None:
        while self._service.uplink.batches == self._before:
            time.sleep(_LOOK_S)
        self.answered, self.answered_us = time.monotonic(), time.time_ns() // 1_000
        self.waiting = self._service.spool.status().rows
        self.seen.set()


def measure_return(service: Service, watch: Watch, http: str, backlog: int) -> dict[str, float]:
    """Wait for the first answer, the first current window, and the end of the backlog."""
    # What is left of the back-off, up to five minutes, is jitter that the agent waits on purpose: it is skipped here.
    service.uplink.wake()
    assert watch.seen.wait(330), "no answer came"
    answered, answered_us, waiting = watch.answered, watch.answered_us, watch.waiting
    newest_us = answered_us - round(2 * WINDOW_S * 1e6)
    wait_for("a current window", lambda: last_window_us(http) >= newest_us or None, seconds=60, processes=[])
    current_s = time.monotonic() - answered
    wait_for("the backlog to end", lambda: service.spool.status().rows <= _FRESH or None, seconds=300, processes=[])
    drained_s = time.monotonic() - answered
    limit = service.settings.collector.backlog_rate
    print(f"newest window known to the dashboard {current_s:.2f} s after the first answer (target < 10)")
    rate = waiting / drained_s
    print(f"{waiting} of {backlog} measurements in {drained_s:.1f} s: {rate:.0f} a second, limit {limit:.0f}")
    return {"current_s": round(current_s, 2), "drain_rows_per_s": round(rate)}


def last_window_us(http: str) -> int:
    """Start of the newest window that the dashboard would show."""
    fleet = httpx.get(f"{http}/api/v1/fleet").raise_for_status().json()
    sensors = [sensor for machine in fleet["machines"] for sensor in machine["sensors"]]
    return max(sensor["last_heard_us"] or 0 for sensor in sensors)


if __name__ == "__main__":
    main()
