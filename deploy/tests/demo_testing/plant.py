"""Collector and agent as processes of their own, to be killed and looked into."""

import functools
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any, LiteralString

import httpx
import psycopg

from audiosense_collector.db.embedded import EmbeddedServer
from deploy.demo.machines import agent_configuration, demo_machines
from deploy.demo.processes import Process, command, read_json, wait_for

SPEED = 100.0


class Plant:
    """A collector and an agent with four simulated machines that are killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "agent"
        self.configuration = folder / "agent.toml"
        pacing = {"history_s": 80_000.0, "max_speed": SPEED}
        self.machines = demo_machines(None, pacing)
        self.configuration.write_text(agent_configuration(self.machines, self.state))
        self.environment = {
            "DATABASE_URL": "",
            "AUDIOSENSE_DATA_DIR": str(folder / "collector"),
            "AUDIOSENSE_HTTP_PORT": "0",
            "AUDIOSENSE_AGENT_HOST": "127.0.0.1",
            "AUDIOSENSE_AGENT_PORT": "0",
            "AUDIOSENSE_BASELINE_WINDOWS": "100",
            "AUDIOSENSE_TREES": "30",
        }
        self.kills = {"agent": 0, "collector": 0}

    def collector(self) -> Process:
        addresses = self.folder / "collector" / "run" / "addresses.json"
        addresses.unlink(missing_ok=True)
        arguments = ["audiosense_collector", "serve"]
        log = self.folder / "collector.log"
        process = Process("collector", arguments, environment=self.environment, log=log)
        found = wait_for("the collector listens", lambda: read_json(addresses), seconds=60, processes=[process])
        self.http, self.agents = found["http"], found["agents"]
        # The agent knows one address; after the first start the same port is asked for again.
        self.environment["AUDIOSENSE_AGENT_PORT"] = self.agents.rpartition(":")[2]
        return process

    def agent(self) -> Process:
        arguments = ["audiosense_agent", "run", "--config", str(self.configuration)]
        return Process("agent", arguments, environment={}, log=self.folder / "agent.log")

    def enrol(self) -> None:
        create = ["audiosense_collector", "enrolment-key", "create", "--url", self.agents, "--quiet"]
        key = command(create, environment=self.environment).strip()
        command(["audiosense_agent", "enroll", key, "--config", str(self.configuration)], environment={})

    @functools.cached_property
    def headers(self) -> dict[str, str]:
        """What shows that an administrator asks."""
        create = ["audiosense_collector", "tokens", "create", "tests", "--scope", "administrator", "--quiet"]
        return {"Authorization": f"Bearer {command(create, environment=self.environment).strip()}"}

    def kill(self, process: Process) -> None:
        assert process.kill() == -signal.SIGKILL
        self.kills[process.name] += 1

    def stored(self) -> int:
        return int(
            httpx.get(f"{self.http}/api/v1/system", headers=self.headers, trust_env=False, timeout=30).json()[
                "measurements"
            ]
        )

    def models_run(self) -> bool | None:
        """A training that was killed with its collector is done again."""
        answer = httpx.get(f"{self.http}/api/v1/fleet", headers=self.headers, trust_env=False, timeout=30)
        machines = answer.json()["machines"]
        sensors = [sensor for machine in machines for sensor in machine["sensors"]]
        return (len(sensors) == len(self.machines) and all(sensor["model_digest"] for sensor in sensors)) or None

    def select(self, query: LiteralString) -> Sequence[tuple[Any, ...]]:
        """Ask the collector's database."""
        server = EmbeddedServer(self.folder / "collector" / "postgresql")
        with psycopg.connect(server.url().replace("+psycopg", "")) as connection:
            return connection.execute(query).fetchall()
