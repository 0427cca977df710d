"""SIGHUP: the configuration is read again while the agent runs."""

import contextlib
import dataclasses
import itertools
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from agent_testing.samples import simulated
from typer.testing import CliRunner

from audiosense_agent.cli import app
from audiosense_agent.cli.run import _Operator
from audiosense_agent.config import Settings, load_settings
from audiosense_agent.pause import Pause
from audiosense_agent.service import Service
from audiosense_agent.spool import Spool
from audiosense_agent.spool.gaps import LossReason
from audiosense_agent.spool.view import read_spool
from deploy.testing import warm

WINDOW_US = 100_000
NOW_US = 1_790_000_000_000_000

SENSOR = """
[[sensors]]
name = "{name}"
machine = "m"
sample_rate_hz = 8000
window_s = 0.1
source = {{ type = "simulator" }}
"""


class Agent:
    """A running agent, and what it tells systemd."""

    def __init__(self, folder):
        self.path, self._folder = folder / "agent.toml", folder
        self.configure("left")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        self._states = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "NOTIFY_SOCKET": str(folder / "notify")}
        command = [sys.executable, "-m", "audiosense_agent", "run", "--verbose", "-c", str(self.path)]
        self._log = folder / "log"
        with self._log.open("w") as log:
            self.process = warm.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=log)

    def configure(self, *names, text=""):
        tables = "".join(SENSOR.format(name=name) for name in names)
        self.path.write_text(f'state_dir = "{self._folder}/state"\n{text}{tables}')

    def told(self, wanted):
        """Wait until systemd is told ``wanted``; return all that was told on the way."""
        states = []
        while wanted not in states:
            states.append(self._states.get(timeout=60))
        return states

    def _read(self):
        while (told := self._socket.recv(4096)) != b"END":
            for state in told.decode().splitlines():
                self._states.put(state)

    def status(self):
        done = CliRunner().invoke(app, ["status", "--json", "-c", str(self.path)])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def measured(self, name):
        return self.status()["sensors"][name]["windows_measured"]

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        return self.said()

    def said(self):
        return self._log.read_text()

    def close(self):
        self.process.kill()
        self.process.wait()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ending:
            ending.sendto(b"END", str(self._folder / "notify"))
        self._reader.join()
        self._socket.close()


@pytest.fixture
def agent(tmp_path):
    running = Agent(tmp_path)
    yield running
    running.close()


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def test_a_new_sensor_is_heard_after_a_reload_and_the_process_stays(agent):
    agent.told("READY=1")
    agent.configure("left", "right")
    agent.process.send_signal(signal.SIGHUP)
    assert "STOPPING=1" not in agent.told("RELOADING=1") + agent.told("READY=1")
    wait_for(lambda: agent.measured("right") > 2)
    before = agent.measured("left")
    wait_for(lambda: agent.measured("left") > before)
    agent.end()
    assert agent.process.returncode == 0
    with contextlib.closing(Spool(agent.path.parent / "state" / "spool.db")) as spool:
        missing, told, _ = losses(spool, "left")
    assert told == missing


def losses(spool, name):
    """Windows missing between those of a sensor, windows told as not heard in a reload, and windows stored."""
    starts = [row.time_us for row in spool.read(100_000) if row.sensor == name]
    missing = sum((after - before) // WINDOW_US - 1 for before, after in itertools.pairwise(starts))
    gaps = [gap for gap in spool.read_gaps(100) if gap.sensor == name]
    assert {gap.reason for gap in gaps} <= {LossReason.PAUSED}
    return missing, sum(gap.windows for gap in gaps), len(starts)


def test_windows_missing_after_a_pause_are_told_and_counted(tmp_path):
    settings = Settings(name="test", state_dir=tmp_path, sensors=[simulated(window_s=0.1, history_s=0)])
    first, began_s = Service(settings, stop_after=3), time.monotonic()
    first.run()
    pause = first.pauses()["pump"]
    assert began_s <= pause.since_s <= time.monotonic()
    # When a sensor ends by itself, a busy computer's service sees it windows later, and would tell as many fewer.
    pauses = {"pump": dataclasses.replace(pause, since_s=began_s)}
    time.sleep(0.5)
    second = Service(settings, stop_after=3, pauses=pauses)
    second.run()
    with contextlib.closing(Spool(tmp_path / "spool.db")) as spool:
        missing, told, stored = losses(spool, "pump")
    measured = read_spool(tmp_path / "spool.db").sensors["pump"]["windows_measured"]
    assert told == missing >= 4
    assert stored == 6
    assert measured == stored + told


@pytest.mark.parametrize(
    ("last_us", "start_us", "ago_s", "missing"),
    [
        (NOW_US, NOW_US + 2 * WINDOW_US - 1, 60, 0),
        (NOW_US, NOW_US + 2 * WINDOW_US, 60, 1),
        (NOW_US, NOW_US - 3600 * 10 * WINDOW_US, 60, 0),
        (NOW_US, NOW_US + 3600 * 10 * WINDOW_US, 0, 0),
        (5_000_000, NOW_US, 60, 0),
    ],
    ids=["less than a window", "one", "clock set back", "clock set ahead", "clock was not right"],
)
def test_a_clock_that_was_set_makes_no_window_missing(last_us, start_us, ago_s, missing):
    assert Pause(last_us, time.monotonic() - ago_s).missing(start_us, WINDOW_US) == missing


def test_a_wrong_configuration_is_told_and_the_agent_goes_on(agent):
    agent.told("READY=1")
    valid = agent.path.read_text()
    for wrong, words in (('nam = "x"\n', "unknown key 'nam'"), ('name = "unclosed\n', "no valid TOML")):
        agent.configure("left", text=wrong)
        agent.process.send_signal(signal.SIGHUP)
        wait_for(lambda words=words: words in agent.said())
    agent.path.write_text(valid)
    before = agent.measured("left")
    wait_for(lambda: agent.measured("left") > before)
    said = agent.end()
    assert agent.process.returncode == 0
    assert "unknown key 'nam'" in said
    assert "no valid TOML" in said
    assert said.count("goes on with the configuration before") == 2
    assert "Traceback" not in said


def test_a_state_directory_that_cannot_be_written_is_not_followed(agent):
    agent.told("READY=1")
    valid = agent.path.read_text()
    agent.path.write_text(valid.replace("/state", "/agent.toml/state"))
    agent.process.send_signal(signal.SIGHUP)
    agent.told("RELOADING=1")
    agent.told("READY=1")
    agent.path.write_text(valid)
    before = agent.measured("left")
    wait_for(lambda: agent.measured("left") > before)
    said = agent.end()
    assert "goes on with the configuration before" in said
    assert "Traceback" not in said


def test_a_reload_that_is_asked_for_while_another_is_carried_out_is_not_forgotten(tmp_path, monkeypatch):
    path, heard = tmp_path / "agent.toml", []

    def configure(name):
        path.write_text(f'state_dir = "{tmp_path}/state"\n{SENSOR.format(name=name)}')
        return load_settings(path)

    def make(settings, **options):
        service = Service(settings, **options)
        heard.append(settings.sensors[0].name)
        if len(heard) == 1:
            configure("third")
            operator.reload(signal.SIGHUP, None)
        else:
            operator.stop(signal.SIGTERM, None)
        return service

    operator = _Operator(path, Service(configure("first")), None)
    monkeypatch.setattr("audiosense_agent.cli.run.Service", make)
    configure("second")
    operator.reload(signal.SIGHUP, None)
    given_up = threading.Timer(30, operator.stop, (signal.SIGTERM, None))
    given_up.start()
    operator.run()
    given_up.cancel()
    assert heard == ["second", "third"]
