"""Three agents, a collector, its database and the network between them, each of which is hurt at random."""

import contextlib
import functools
import os
import random
import shutil
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg

from audiosense_collector.db.embedded import EmbeddedServer
from deploy.demo.processes import DemoError, Process, command, read_json, wait_for
from soak_testing.dying import AGENT_POINTS, COLLECTOR_POINTS
from soak_testing.journal import Key, keep_journal, read_journal, read_waiting
from soak_testing.network import Network

TESTS = Path(__file__).parents[1]
SENSORS = ("pump", "fan")
_CONFIGURATION = """
name = "{name}"
state_dir = "{state}"
[collector]
batch_interval_s = 0.3
[spool]
group = 4
"""
_SENSOR = """
[[sensors]]
name = "{name} {kind}"
machine = "{name} {kind}"
sample_rate_hz = 8000
window_s = 0.25
source = {{ type = "simulator", kind = "{kind}", seed = {seed} }}
"""


Fault = Callable[["SoakAgent"], None]


class SoakCollector:
    """The collector, its database and the commands that administrators give."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "DATABASE_URL": "",
            "AUDIOSENSE_DATA_DIR": str(folder / "collector"),
            "AUDIOSENSE_HTTP_PORT": "0",
            "AUDIOSENSE_AGENT_HOST": "127.0.0.1",
            "AUDIOSENSE_AGENT_PORT": "0",
            "AUDIOSENSE_BASELINE_WINDOWS": "1000000",
            "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")]),
        }
        self.hurt: Counter[str] = Counter()
        self.deaths = folder / "collector-deaths"
        self.server = EmbeddedServer(folder / "collector" / "postgresql")
        self.process = self.start()
        tls = folder / "collector" / "tls"
        self.network = Network(tls / "server.pem", tls / "server.key", seed=20261128)
        self.network.lead_to(self.agents)

    def start(self, point: str | None = None, count: int = 1) -> Process:
        """Start it; with ``point``, it dies there."""
        addresses = self.folder / "collector" / "run" / "addresses.json"
        addresses.unlink(missing_ok=True)
        own = ["audiosense_collector", "serve"]
        arguments = own if point is None else ["soak_testing.dying", point, str(count), str(self.deaths), *own]
        process = Process("collector", arguments, environment=self.environment, log=self.folder / "collector.log")
        found = wait_for("the collector listens", lambda: read_json(addresses), seconds=60, processes=[process])
        self.http, self.agents = found["http"], found["agents"]
        self.environment["AUDIOSENSE_AGENT_PORT"] = self.agents.rpartition(":")[2]
        self.process = process
        return process

    def command(self, *arguments: str) -> str:
        """Give a command of ``audiosense-collector``."""
        return command(["audiosense_collector", *arguments], environment=self.environment)

    @functools.cached_property
    def headers(self) -> dict[str, str]:
        """What shows that an administrator asks."""
        token = self.command("tokens", "create", "tests", "--scope", "administrator", "--quiet")
        return {"Authorization": f"Bearer {token.strip()}"}

    def kill(self) -> None:
        """Kill it and start it again."""
        assert self.process.kill() == -signal.SIGKILL
        self.hurt["collector killed"] += 1
        self.start()

    def die_at(self, point: str, count: int) -> None:
        """Start it so that it dies at a write point, see that it does, and start it again."""
        self.process.stop()
        before = _lines(self.deaths)
        process = self.start(point, count)
        _wait_for_death(process)
        assert _lines(self.deaths) == [*before, point]
        self.hurt[f"collector {point}"] += 1
        self.start()

    def restart_database(self) -> None:
        """Pull the database away under the collector, without a checkpoint, and start it again."""
        pid = self._postmaster()
        os.kill(pid, signal.SIGQUIT)
        wait_for("the database is gone", lambda: not Path(f"/proc/{pid}").exists() or None, seconds=60, processes=[])
        time.sleep(0.5)
        before, self.server = self.server, EmbeddedServer(self.server.folder)
        self.server.start()
        before.release()
        assert self._postmaster() != pid
        self.hurt["database restarted"] += 1

    def _postmaster(self) -> int:
        return int((self.server.data / "postmaster.pid").read_text().splitlines()[0])

    def stored(self) -> int:
        """Count what the collector tells to have stored."""
        return int(
            httpx.get(f"{self.http}/api/v1/system", headers=self.headers, trust_env=False, timeout=30).json()[
                "measurements"
            ]
        )

    def rows(self) -> list[tuple[Key, bytes]]:
        """All stored measurements."""
        with psycopg.connect(self.server.url().replace("+psycopg", "")) as connection:
            found = connection.execute(
                "SELECT s.name, m.epoch::text, m.seq, (extract(epoch FROM m.time) * 1000000)::bigint, m.features"
                " FROM measurement m JOIN sensor s ON s.id = m.sensor_id"
            ).fetchall()
        return [(Key(*row[:4]), bytes(row[4])) for row in found]

    def agent(self, name: str) -> dict[str, Any]:
        """What the collector says of an agent, as soon as it says anything: it may be down just now."""

        def ask() -> dict[str, Any] | None:
            with contextlib.suppress(httpx.HTTPError):
                answer = httpx.get(f"{self.http}/api/v1/agents", headers=self.headers, trust_env=False, timeout=30)
                if answer.is_success:
                    return next(agent for agent in answer.json()["items"] if agent["name"] == name)
            return None

        return wait_for("the collector tells of its agents", ask, seconds=60, processes=[])

    def accept(self, name: str) -> None:
        """Take in that copy of a quarantined agent which was heard last; it may take several tries."""

        def try_it() -> bool | None:
            shown = self.agent(name)
            if shown["state"] == "active":
                return True
            newest = max(shown["copies"], key=lambda copy: int(copy["last_seen_us"]))
            with contextlib.suppress(httpx.HTTPError):
                url = f"{self.http}/api/v1/agents/{shown['id']}/accept"
                httpx.post(url, json={"copy": newest["instance"]}, headers=self.headers, trust_env=False, timeout=30)
            return None

        wait_for(f"{name} is accepted", try_it, seconds=60, processes=[])

    def close(self) -> None:
        """Stop all of it."""
        self.network.close()
        self.process.stop()
        self.server.release()


class SoakAgent:
    """One agent with a journal of what its spool committed."""

    def __init__(self, collector: SoakCollector, name: str, seed: int) -> None:
        self.collector, self.name = collector, name
        self.state = collector.folder / name
        self.deaths = collector.folder / f"{name}-deaths"
        self.configuration = collector.folder / f"{name}.toml"
        sensors = [_SENSOR.format(name=name, kind=kind, seed=seed) for kind in SENSORS]
        self.configuration.write_text(_CONFIGURATION.format(name=name, state=self.state) + "".join(sensors))
        self.hurt: Counter[str] = Counter()
        self.committed: dict[Key, bytes] = {}
        self.unsent: set[Key] = set()
        create = ["enrolment-key", "create", "--url", collector.network.url, "--quiet"]
        key = collector.command(*create).strip()
        command(["audiosense_agent", "enroll", key, "--config", str(self.configuration)], environment={})
        keep_journal(self.state / "spool.db")
        self.process = self.start()

    def start(self, point: str | None = None, count: int = 1) -> Process:
        """Start it; with ``point``, it dies there."""
        own = ["audiosense_agent", "run", "--config", str(self.configuration)]
        arguments = own if point is None else ["soak_testing.dying", point, str(count), str(self.deaths), *own]
        log = self.collector.folder / f"{self.name}.log"
        self.process = Process(self.name, arguments, environment=self.collector.environment, log=log)
        return self.process

    def reload(self) -> None:
        """Have it read its configuration again, which makes it try the collector at once; nothing if it just starts."""
        with contextlib.suppress(OSError, IndexError):
            status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
            caught = int(status.split("SigCgt:")[1].split()[0], 16)
            if caught >> (signal.SIGHUP - 1) & 1:
                os.kill(self.process.pid, signal.SIGHUP)
                self.hurt["agent reloaded"] += 1

    def kill(self) -> None:
        """Kill it and start it again."""
        assert self.process.kill() == -signal.SIGKILL
        self.hurt["agent killed"] += 1
        self.start()

    def die_at(self, point: str, count: int) -> None:
        """Let it die at a write point, see that it does, and start it again."""
        assert self.process.kill() == -signal.SIGKILL
        before = _lines(self.deaths)
        _wait_for_death(self.start(point, count))
        assert _lines(self.deaths) == [*before, point]
        self.hurt[f"agent {point}"] += 1
        self.start()

    def restore_snapshot(self, pause_s: float) -> None:
        """Put its disk back to what it was a while ago; an administrator takes it in again.

        What the disk took in since and had not sent is lost with it, as with any restored disk: it is no longer owed.
        What waits in the copy too is.
        """
        assert self.process.kill() == -signal.SIGKILL
        copy = self.state.with_name(f"{self.name}-snapshot")
        shutil.copytree(self.state, copy)
        before = self._stored()
        self.start()
        # The first that comes may be the batch that was in flight, which the copy holds as well; the second is newer.
        self._wait(lambda: self._stored() > before or None, "it is heard")
        after = self._stored()
        self._wait(lambda: self._stored() > after or None, "it is heard again")
        time.sleep(pause_s)
        assert self.process.kill() == -signal.SIGKILL
        self.note_committed()
        self.unsent |= read_waiting(self.state / "spool.db") - _waiting_in(copy)
        shutil.rmtree(self.state)
        copy.rename(self.state)
        self.start()
        self._wait(self._is_quarantined, "it is quarantined")
        self._accept()
        self.hurt["snapshot restored"] += 1

    def _stored(self) -> int:
        return sum(int(sensor["measurements"]) for sensor in self.collector.agent(self.name)["sensors"])

    def _is_quarantined(self) -> bool | None:
        return self.collector.agent(self.name)["state"] == "quarantined" or None

    def _accept(self) -> None:
        """Take the process that runs in again, and wait until it has a credential of its own."""
        self.collector.accept(self.name)
        self._wait(lambda: self.collector.agent(self.name)["accepted_copy"] is None or None, "it has a new credential")

    def _wait(self, probe: Callable[[], bool | None], what: str) -> None:
        wait_for(f"{self.name}: {what}", probe, seconds=90, processes=[self.process])

    def note_committed(self) -> None:
        """Keep what the journal says before it is put back."""
        self.committed |= read_journal(self.state / "spool.db")

    def is_sent(self) -> bool | None:
        """Whether its spool is empty."""
        return not read_waiting(self.state / "spool.db") or None


def kills(agents: int, kinds: int) -> list[list[Fault]]:
    """Deal kills out to the agents."""
    shares: list[list[Fault]] = [[] for _ in range(agents)]
    for number in range(kinds):
        shares[number % agents].append(SoakAgent.kill)
    return shares


def deaths_and_restores(agents: int, kinds: int, chance: random.Random) -> list[list[Fault]]:
    """Deal deaths at write points and restored snapshots out to the agents."""
    shares: list[list[Fault]] = [[] for _ in range(agents)]
    for number in range(kinds):
        die = partial(SoakAgent.die_at, point=AGENT_POINTS[number % len(AGENT_POINTS)], count=chance.randint(1, 6))
        shares[number % agents].append(die)
        restore = partial(SoakAgent.restore_snapshot, pause_s=chance.uniform(0.5, 2.0))
        shares[(number + 1) % agents].append(restore)
    return shares


def hurt_agent(agent: SoakAgent, faults: list[Fault], chance: random.Random) -> None:
    """Hurt an agent again and again, at random instants."""
    for fault in faults:
        time.sleep(chance.uniform(0.3, 2.5))
        fault(agent)


def keep_trying(agents: list[SoakAgent], done: threading.Event) -> None:
    """Shorten the minutes that agents wait after failures in a row: each is reloaded every few seconds."""
    while not done.wait(4.0):
        for agent in agents:
            agent.reload()


def hurt_collector(collector: SoakCollector, kinds: int, chance: random.Random) -> None:
    """Kill the collector at random and at each write point, and restart its database, ``kinds`` times each."""
    for number in range(kinds):
        time.sleep(chance.uniform(1.0, 4.0))
        collector.kill()
        time.sleep(chance.uniform(1.0, 4.0))
        collector.die_at(COLLECTOR_POINTS[number % len(COLLECTOR_POINTS)], chance.randint(1, 4))
        time.sleep(chance.uniform(1.0, 4.0))
        collector.restart_database()


def _waiting_in(state: Path) -> set[Key]:
    """Read what waits in a copied state directory and leave its spool as the kill left it: reading ends its log."""
    with tempfile.TemporaryDirectory(dir=state.parent) as folder:
        for file in state.glob("spool.db*"):
            shutil.copy2(file, folder)
        return read_waiting(Path(folder) / "spool.db")


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _wait_for_death(process: Process) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            process.check()
        except DemoError:
            return
        time.sleep(0.02)
    raise DemoError(f"the {process.name} did not die within 90 s; the end of its output:\n{process.tail()}")
