"""The stages of the demo, in order, each checked by what the collector and the agent themselves report."""

import json
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from rich.progress import TaskID

from deploy.demo.machines import WINDOW_S, DemoMachine, Recordings, agent_configuration, demo_machines
from deploy.demo.processes import DemoError, Process, check_port, command, held_signals, read_json, wait_for
from deploy.demo.terminal import Terminal

BASELINE_WINDOWS = 150
HEALTHY_WINDOWS = 60
"""Windows of healthy sound, not in the baseline, that each sensor must pass without an event before its fault."""
FAULT_WINDOWS = 150
"""Windows after its fault in which a sensor must have an event: several times what it takes."""
STILL_S = 90.0
"""A stage is given up when nothing has moved for so long; a busy computer may take longer as a whole."""
MAX_SPEED = 40.0
CHECK_HISTORY_S = 7_200.0
"""With --check the sound begins this long ago, so that it never catches up with the present and never waits."""
DEMO_HISTORY_S = 600.0


@dataclass(slots=True)
class Result:
    """What the demo found, for its last line."""

    stages_s: dict[str, float]
    recordings: bool
    windows_measured: int = 0
    windows_stored: int = 0
    bundles_active: int = 0
    events: dict[str, int] = field(default_factory=dict)
    false_events: int = 0
    clips: int = 0

    @property
    def lost(self) -> int:
        """Windows that the agent measured and the collector does not hold."""
        return self.windows_measured - self.windows_stored

    def as_json(self) -> dict[str, Any]:
        """Return the last line's object."""
        return {
            "stages_s": self.stages_s,
            "windows_measured": self.windows_measured,
            "windows_stored": self.windows_stored,
            "lost": self.lost,
            "bundles_active": self.bundles_active,
            "events": self.events,
            "false_events": self.false_events,
            "clips": self.clips,
            "recordings": self.recordings,
        }

    def faults(self) -> list[str]:
        """Say what is not as it must be, one line each."""
        found = []
        if self.lost:
            found.append(f"{self.windows_measured} windows were measured, {self.windows_stored} are stored")
        if self.false_events:
            found.append(f"{self.false_events} events on healthy sound")
        found += [f"no event on {machine} after its fault" for machine, count in self.events.items() if not count]
        return found


class Demo:
    """One run of the whole product in ``folder``, which holds its database, certificates, spool and logs."""

    def __init__(
        self, folder: Path, terminal: Terminal, recordings: Recordings | None, *, check: bool, port: int
    ) -> None:
        self.folder = folder
        self.terminal = terminal
        self.check = check
        self.port = 0 if check else port
        pacing = {"history_s": CHECK_HISTORY_S if check else DEMO_HISTORY_S, "max_speed": MAX_SPEED}
        self.machines = demo_machines(recordings, pacing)
        self.faulty = self.machines if check else [self.machines[0], self.machines[-1]]
        self.result = Result(terminal.stages_s, recordings=recordings is not None)
        self.collector_environment = {
            "AUDIOSENSE_DATA_DIR": str(folder / "collector"),
            "AUDIOSENSE_HTTP_PORT": str(self.port),
            "AUDIOSENSE_AGENT_HOST": "127.0.0.1",
            "AUDIOSENSE_AGENT_PORT": "0",
            "AUDIOSENSE_METRICS_PORT": "0",
            "AUDIOSENSE_BASELINE_WINDOWS": str(BASELINE_WINDOWS),
            "AUDIOSENSE_DEVELOPER_MODE": "1",
            "AUDIOSENSE_DEMO": "1",
            "DATABASE_URL": "",
        }
        self.configuration = folder / "agent.toml"
        self.processes: list[Process] = []
        self._children = ExitStack()
        self.api = httpx.Client(timeout=30, trust_env=False)
        self.agent_id = ""
        self._injected_us: dict[str, int] = {}

    def run(self) -> Result:
        """Run all stages; without --check go on until Ctrl-C.

        Raises:
            DemoError: a stage failed.
        """
        self.terminal.stage("setting_up", "Setting up: database, collector, certificates")
        self.configuration.write_text(agent_configuration(self.machines, self.folder / "agent"))
        check_port(self.port)
        with self.api, self._children:
            self._start_collector()
            agent = self._start_agent()
            self._learn()
            self._listen()
            self._inject()
            self._hear()
            if not self.check:
                self._stay()
            self.terminal.stage("draining", "Stopping: the agent hands over what it still holds")
            agent.stop()
            self._count()
        self.terminal.end_stage()
        return self.result

    def _start_collector(self) -> None:
        collector = self._start("collector", ["audiosense_collector", "serve"], self.collector_environment)
        addresses = wait_for(
            "the collector listens",
            lambda: read_json(self.folder / "collector" / "run" / "addresses.json"),
            seconds=60,
            processes=[collector],
        )
        self.api.base_url = httpx.URL(addresses["http"])
        self.agents_url = addresses["agents"]
        self.terminal.say(f"dashboard: [bold]{addresses['http']}[/]  (Ctrl-C stops everything)")

    def _start_agent(self) -> Process:
        key = command(
            ["audiosense_collector", "enrolment-key", "create", "--uses", "1", "--url", self.agents_url, "--quiet"],
            environment=self.collector_environment,
        ).strip()
        command(["audiosense_agent", "enroll", key, "--config", str(self.configuration)], environment={})
        self.agent_id = self._status()["agent"]
        return self._start("agent", ["audiosense_agent", "run", "--config", str(self.configuration)], {})

    def _start(self, name: str, arguments: list[str], environment: dict[str, str]) -> Process:
        """Start a child that is stopped with the others, in reverse order, however the demo ends."""
        log = self.folder / f"{name}.log"
        with held_signals():
            process = self._children.enter_context(Process(name, arguments, environment=environment, log=log))
        self.processes.append(process)
        return process

    def _get(self, path: str, **parameters: str | int) -> Any:
        answer = self.api.get(path, params=parameters)
        if answer.status_code != httpx.codes.OK:
            raise DemoError(f"GET {path} answered {answer.status_code}: {answer.text[:300]}")
        return answer.json()

    def _status(self) -> dict[str, Any]:
        """Return what the demo's agent says of itself."""
        arguments = ["audiosense_agent", "status", "--json", "--config", str(self.configuration)]
        found: dict[str, Any] = json.loads(command(arguments, environment={}))
        return found

    def _sensors(self) -> dict[str, dict[str, Any]]:
        """Return the sensor cards of the demo's own agent by sensor name; others may be enrolled meanwhile."""
        cards = [sensor for machine in self._get("/api/v1/fleet")["machines"] for sensor in machine["sensors"]]
        return {sensor["name"]: sensor for sensor in cards if sensor["agent_id"] == self.agent_id}

    def _learn(self) -> None:
        self.terminal.stage("learning", "Learning the normal sound of four machines")
        with self.terminal.bar() as bar:
            tasks = {machine.sensor: bar.add_task(machine.machine, total=BASELINE_WINDOWS) for machine in self.machines}
            probe = partial(self._learnt, bar.update, tasks)
            wait_for("four baselines", probe, seconds=STILL_S, processes=self.processes, moved=self._now_us)
        self.terminal.stage("models", "Training, signing and pushing the models")
        wait_for(
            "models run on the agent",
            self._models_run,
            seconds=STILL_S,
            processes=self.processes,
            moved=self._work_on_models,
        )
        self.result.bundles_active = len(self._running())
        self.terminal.say(f"{self.result.bundles_active} models verified, self-tested and running on the agent")

    def _learnt(self, update: Any, tasks: dict[str, TaskID]) -> bool | None:
        sensors = self._sensors()
        done = True
        for name, task in tasks.items():
            sensor = sensors.get(name)
            learning = sensor["learning"] if sensor else {"windows": 0}
            windows = BASELINE_WINDOWS if learning is None else min(learning["windows"], BASELINE_WINDOWS)
            update(task, completed=windows)
            done = done and windows == BASELINE_WINDOWS
        return done or None

    def _running(self) -> dict[str, str]:
        return {name: sensor["model_digest"] for name, sensor in self._sensors().items() if sensor["model_digest"]}

    def _models_run(self) -> bool | None:
        return len(self._running()) == len(self.machines) or None

    def _work_on_models(self) -> object:
        """Return what changes while models are made and pushed."""
        jobs = self._get("/api/v1/jobs", limit=100)["items"]
        return self._running(), [(job["id"], job["state"], job["step"], job["progress"]) for job in jobs]

    def _listen(self) -> None:
        self.terminal.stage("listening", "Listening to healthy sound that was not in the baseline")
        for machine in self.machines:
            if machine.healthy:
                self._switch(machine, machine.healthy)
        begun = self._now_us()
        with self.terminal.bar() as bar:
            tasks = {machine.sensor: bar.add_task(machine.machine, total=HEALTHY_WINDOWS) for machine in self.machines}
            wait_for(
                "healthy windows",
                lambda: self._listened(bar.update, tasks, begun),
                seconds=STILL_S,
                processes=self.processes,
                moved=self._now_us,
            )

    def _now_us(self) -> dict[str, int]:
        return {name: sensor["last_heard_us"] or 0 for name, sensor in self._sensors().items()}

    def _listened(self, update: Any, tasks: dict[str, TaskID], begun: dict[str, int]) -> bool | None:
        window_us = round(WINDOW_S * 1e6)
        now = self._now_us()
        done = True
        for name, task in tasks.items():
            windows = (now[name] - begun[name]) // window_us
            update(task, completed=min(windows, HEALTHY_WINDOWS))
            done = done and windows >= HEALTHY_WINDOWS
        return done or None

    def _switch(self, machine: DemoMachine, change: list[str]) -> None:
        inject = ["audiosense_agent", "simulate", "inject", "--config", str(self.configuration)]
        command([*inject, "--sensor", machine.sensor, *change], environment={})

    def _inject(self) -> None:
        self.terminal.stage("fault", "Injecting faults")
        for machine in self.faulty:
            self._injected_us[machine.sensor] = self._now_us()[machine.sensor]
            self._switch(machine, machine.fault)
            self.terminal.say(f"{machine.machine}: {machine.fault_words}")

    def _hear(self) -> None:
        self.terminal.stage("hearing", "Waiting for the agent to hear them")
        told: set[str] = set()
        wait_for(
            "an event on each faulty machine",
            lambda: self._heard(told),
            seconds=STILL_S,
            processes=self.processes,
            moved=self._heard_since_fault,
        )
        wait_for("the sound of each fault", self._has_clips, seconds=60, processes=self.processes)
        self.terminal.say("the sound of each can be listened to on its machine's page, beside its normal sound")

    def _heard_since_fault(self) -> dict[str, int]:
        """Return microseconds of sound since each fault, which stop to grow once an event is overdue."""
        now = self._now_us()
        overdue_us = round(FAULT_WINDOWS * WINDOW_S * 1e6)
        return {name: min(now[name] - since, overdue_us) for name, since in self._injected_us.items()}

    def _has_clips(self) -> bool | None:
        clips = self._get("/api/v1/clips", kind="event", limit=500)["items"]
        sensors = self._sensors()
        self.result.clips = len(clips)
        return {sensors[machine.sensor]["id"] for machine in self.faulty} <= {
            clip["sensor_id"] for clip in clips
        } or None

    def _heard(self, told: set[str]) -> bool | None:
        events = self._events()
        for event in events:
            if event["id"] not in told and self._follows_fault(event):
                told.add(event["id"])
                delay = (event["start_us"] - self._injected_us[event["sensor_name"]]) / 1e6
                self.terminal.alarm(
                    f"{event['machine_name']}: score {event['peak_score']:.3f}, threshold {event['threshold']:.3f}, "
                    f"{delay:.0f} s of sound after the fault began"
                )
        heard = {event["sensor_name"] for event in events if event["id"] in told}
        return len(heard) == len(self.faulty) or None

    def _events(self) -> list[dict[str, Any]]:
        own = {sensor["id"] for sensor in self._sensors().values()}
        return [event for event in self._get("/api/v1/events", limit=500)["items"] if event["sensor_id"] in own]

    def _stay(self) -> None:
        self.terminal.end_stage()
        self.terminal.say(f"The demo goes on: look at [bold]{self.api.base_url}[/]  Ctrl-C stops everything.")
        healthy = next(machine for machine in self.machines if machine not in self.faulty)
        self.terminal.say(
            f"Another fault: .venv/bin/audiosense-agent simulate inject --config {self.configuration} "
            f"--sensor {healthy.sensor} --fault belt_squeal --ramp 30"
        )
        told = {event["id"] for event in self._events()}
        try:
            while True:
                for process in self.processes:
                    process.check()
                for event in self._events():
                    if event["id"] not in told:
                        told.add(event["id"])
                        self.terminal.alarm(f"{event['machine_name']}: score {event['peak_score']:.3f}")
                time.sleep(2)
        except KeyboardInterrupt:
            self.terminal.console.print()

    def _count(self) -> None:
        measured = self._status()["sensors"].values()
        stored = [
            sensor
            for agent in self._get("/api/v1/agents")["items"]
            if agent["id"] == self.agent_id
            for sensor in agent["sensors"]
        ]
        self.result.windows_measured = sum(sensor["windows_measured"] for sensor in measured)
        self.result.windows_stored = sum(sensor["measurements"] for sensor in stored)
        self.result.events = {machine.machine: 0 for machine in self.faulty}
        for event in self._events():
            if self._follows_fault(event):
                self.result.events[event["machine_name"]] += 1
            elif self.check:
                self.result.false_events += 1

    def _follows_fault(self, event: dict[str, Any]) -> bool:
        injected_us = self._injected_us.get(event["sensor_name"])
        return injected_us is not None and event["start_us"] >= injected_us
