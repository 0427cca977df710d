"""Devices that come and go: found again by name, others go on, several channels and rates, a flood counted."""

import contextlib
import itertools
import json
import signal
import socket
import subprocess
import sys

import pytest
from agent_testing.sound_system import SoundSystem, needs_portaudio, tones
from agent_testing.waiting import wait_for
from typer.testing import CliRunner

from audiosense_agent.cli import app
from audiosense_agent.errors import SpoolError
from audiosense_agent.spool import Spool
from audiosense_agent.spool.view import read_spool

RATE = 16_000
IMPATIENT = "import audiosense_agent.pulse as pulse, audiosense_agent.cli as cli\npulse._PATIENCE_S = 8.0\ncli.main()"
"""The agent with less patience than a user has, so that a hang shows within seconds."""
pytestmark = needs_portaudio


@pytest.fixture
def sounds(tmp_path):
    system = SoundSystem(tmp_path)
    yield system
    system.close()


class Agent:
    """A running agent process, its sensors given as (name, device, channel, rate)."""

    def __init__(self, folder, environment, *sensors):
        self.state = folder / "state"
        self._environment = environment
        self._config = folder / "agent.toml"
        self._log = folder / "agent.log"
        self._address = str(folder / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self._address)
        self._socket.setblocking(False)
        tables = [
            f'[[sensors]]\nname = "{name}"\nmachine = "m"\nsample_rate_hz = {rate}\nwindow_s = 0.5\n'
            f'source = {{type = "microphone", device = "{device}", channel = {channel}}}\n'
            for name, device, channel, rate in sensors
        ]
        self._config.write_text(f'state_dir = "{self.state}"\n' + "\n".join(tables))

    def __enter__(self):
        self.start()
        return self

    def abort(self):
        """End it as systemd's watchdog does."""
        self._process.send_signal(signal.SIGABRT)
        assert self._process.wait(30) == -signal.SIGABRT

    def start(self):
        # As the Debian package's launcher does: the interpreter by itself does not know where the agent's folders are.
        program = f"import sys\nsys.path[:] = {sys.path!r}\n{IMPATIENT}"
        command = [sys._base_executable, "-I", "-c", program, "run", "-c", str(self._config), "--verbose"]
        environment = self._environment | {"NOTIFY_SOCKET": self._address}
        environment.pop("PYTHONPATH")
        with self._log.open("a") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def __exit__(self, *_):
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(30)
        self._process.kill()
        self._socket.close()
        assert self._process.returncode == 0, self._log.read_text()

    def notified(self):
        """What systemd was told since the last look."""
        told = []
        with contextlib.suppress(BlockingIOError):
            while True:
                told.append(self._socket.recv(100).decode())
        return told

    def sensor(self, name):
        with contextlib.suppress(SpoolError):
            return read_spool(self.state / "spool.db").sensors.get(name, {})
        return {}

    def hears(self, name, more=3):
        before = self.sensor(name).get("windows_measured") or 0
        wait_for(lambda: (self.sensor(name).get("windows_measured") or 0) >= before + more, 60)

    def log(self):
        return self._log.read_text()

    def rows(self):
        spool = Spool(self.state / "spool.db")
        rows = spool.read(10_000)
        spool.close()
        return rows

    def checks(self, name):
        found = self.status()["checks"]["checks"]
        return {(check["key"], check["state"], check["cause"]) for check in found if check["sensor"] == name}

    def status(self):
        done = CliRunner().invoke(app, ["status", "-c", str(self._config), "--json"])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)


def test_a_pulled_device_is_found_again_by_name_while_another_goes_on(sounds, tmp_path):
    sounds.plug("south", RATE, tones(RATE, 1_000))
    with Agent(tmp_path, sounds.environment, ("n", "north", 0, RATE), ("s", "south", 0, RATE)) as agent:
        agent.hears("s")
        wait_for(lambda: "no device 'north'" in (agent.sensor("n").get("source") or ""), 60)
        sounds.plug("north", RATE, tones(RATE, 500))
        agent.hears("n")
        agent.hears("s")
        sounds.pull("north")
        wait_for(lambda: agent.sensor("n").get("source") != "ok", 60)
        wait_for(lambda: "no device 'north'" in (agent.sensor("n").get("source") or ""), 60)
        assert ("sensor_unplugged", "failed", "device_gone") in agent.checks("n")
        agent.hears("s")
        agent.notified()
        # A device that is looked for is no hang.
        wait_for(lambda: "WATCHDOG=1" in agent.notified())
        sounds.plug("north", RATE, tones(RATE, 2_000))
        wait_for(lambda: agent.sensor("n").get("source") == "ok", 60)
        agent.hears("n")
        agent.hears("s")
    heard = [(row.sensor, row.dominant_hz) for row in agent.rows()]
    assert {round(hertz, -2) for name, hertz in heard if name == "n"} >= {500, 2_000}
    assert {round(hertz, -2) for name, hertz in heard if name == "s"} >= {1_000}
    _, *after = agent.log().split("south: opened again")
    assert len(after) == 1, "PortAudio was started anew once, for a device that it did not know"
    assert "s: 1 gap(s)" in after[0], "which cost the other device a gap, and that is told"


def test_channels_of_one_device_are_heard_at_two_rates(sounds, tmp_path):
    sounds.plug("array", RATE, tones(RATE, 500, 1_000, 3_000))
    sensors = [("first", "array", 0, RATE), ("last", "arra", 2, 8_000), ("middle", "array", 1, 8_000)]
    with Agent(tmp_path, sounds.environment, *sensors) as agent:
        for name, *_ in sensors:
            agent.hears(name)
    rows = agent.rows()
    heard = {(row.sensor, round(row.dominant_hz, -2), round(row.level_dbfs)) for row in rows}
    assert heard == {("first", 500, -9), ("middle", 1_000, -9), ("last", 3_000, -9)}
    for name, *_ in sensors:
        times = [row.time_us for row in rows if row.sensor == name]
        assert {late - early for early, late in itertools.pairwise(times)} == {500_000}


def test_a_capture_thread_that_hangs_starves_the_watchdog_and_the_restart_helps(sounds, tmp_path):
    stuck = sounds.plug("north", RATE, tones(RATE, 500))
    sounds.plug("south", RATE, tones(RATE, 1_000))
    with Agent(tmp_path, sounds.environment, ("n", "north", 0, RATE), ("s", "south", 0, RATE)) as agent:
        agent.hears("n")
        wait_for(lambda: "READY=1" in agent.notified())
        wait_for(lambda: "WATCHDOG=1" in agent.notified())
        stuck.hang()
        wait_for(lambda: "n: hangs" in agent.log(), 60)
        wait_for(lambda: ("data_path", "failed", "hung") in agent.checks("n"))
        agent.notified()
        agent.hears("s")
        assert "WATCHDOG=1" not in agent.notified(), "though the other sensor is heard"
        wait_for(lambda: "driver does not return" in agent.log(), 60)
        agent.abort()
        sounds.pull("north")
        sounds.plug("north", RATE, tones(RATE, 500))
        agent.notified()
        agent.start()
        agent.hears("n")
        agent.hears("s")
        assert {"READY=1", "WATCHDOG=1"} <= set(agent.notified()), "the restart helped"


def test_a_flood_is_counted_as_overflow_for_real_and_ends_as_no_sound_at_all(tmp_path):
    system = SoundSystem(tmp_path)
    system.flood("press", tmp_path / "sound.raw", 8)
    with Agent(tmp_path, system.environment, ("left", "press", 0, RATE)) as agent:
        wait_for(lambda: "fast as it can be heard" in agent.log(), 60)
        wait_for(lambda: any(key == "sensor_overflow" and state == "failed" for key, state, _ in agent.checks("left")))
    times = [row.time_us for row in agent.rows()]
    assert times == sorted(times)
    assert times[-1] - times[0] < 60e6, "time is the clock's, however many samples come"
