"""A real collector with a database of its own, as a process."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from audiosense_common.enrolment import PREFIX, EnrolmentKey
from deploy.testing import warm

DASHBOARD = Path(__file__).parents[2] / "dist" / "index.html"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
BASELINE_WINDOWS = 40
START_S = 90
STOP_S = 30


@dataclass(frozen=True)
class Collector:
    """A running collector: address for browsers, address for agents, its environment."""

    http: str
    agents: str
    environment: dict[str, str]
    log: Path

    def command(self, *arguments: str) -> str:
        run = warm.run(
            [sys.executable, "-m", "audiosense_collector", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        return run.stdout

    def enrolment_key(self, *options: str) -> EnrolmentKey:
        printed = self.command("enrolment-key", "create", *options)
        found = re.search(re.escape(PREFIX) + r"[\w-]+", printed)
        assert found, printed
        return EnrolmentKey.decode(found[0])


def _wait_for(what: str, ready: Callable[[], bool], process: subprocess.Popen[str], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"the collector has no {what}; it said:\n{log.read_text()[-4000:]}")
        time.sleep(0.1)


@contextmanager
def serving(data: Path, **settings: str) -> Iterator[Collector]:
    """Run a collector of its own, with an empty database, that keeps all it has in a folder."""
    if CHROMIUM is None:
        pytest.skip("chromium is missing; install it with: apt-get install --no-install-recommends chromium")
    if not DASHBOARD.is_file():
        pytest.fail("the dashboard is not built: run make dashboard")
    log = data / "serve.log"
    environment = (
        {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        | {
            "PYTHONPATH": os.pathsep.join(sys.path),
            "AUDIOSENSE_DATA_DIR": str(data / "data"),
            "AUDIOSENSE_HTTP_PORT": "0",
            "AUDIOSENSE_AGENT_HOST": "127.0.0.1",
            "AUDIOSENSE_AGENT_PORT": "0",
            "AUDIOSENSE_AGENT_URL": "https://127.0.0.1:8443",
            "AUDIOSENSE_BASELINE_WINDOWS": str(BASELINE_WINDOWS),
            "AUDIOSENSE_TREES": "20",
            "AUDIOSENSE_DEVELOPER_MODE": "1",
            "AUDIOSENSE_DASHBOARD_DIR": str(DASHBOARD.parent),
        }
        | settings
    )
    addresses = data / "data" / "run" / "addresses.json"
    with log.open("w") as output:
        process = warm.Popen(
            [sys.executable, "-m", "audiosense_collector", "serve"],
            env=environment,
            cwd=data,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            _wait_for("addresses", addresses.is_file, process, log)
            found = json.loads(addresses.read_text())
            yield Collector(found["http"], found["agents"], environment, log)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def setup_link(collector: Collector) -> str:
    """Return the one-time link that a collector without users prints."""
    deadline = time.monotonic() + START_S
    while not (found := re.search(r"http\S+/setup#\S+", collector.log.read_text())):
        assert time.monotonic() < deadline, collector.log.read_text()
        time.sleep(0.05)
    return found[0]
