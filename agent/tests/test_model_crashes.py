"""A model that takes the whole process with it: real agents that die while they load it or score with it."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from agent_testing.bundles import KEY, make_bundle
from agent_testing.graphs import ENDLESS, Live, bundle_of, resign
from agent_testing.waiting import wait_for

from audiosense_agent.model_store.guard import LOADING, SCORING, Guard
from audiosense_agent.model_store.record import Record, read_record, write_record
from audiosense_common.wire import DesiredModel
from deploy.testing import warm

CONFIG = """
state_dir = "{folder}/state"
[collector]
batch_interval_s = 0.1
heartbeat_s = 0.3
[models]
probation_windows = {windows}
[[sensors]]
name = "pump"
machine = "m"
sample_rate_hz = 8000
window_s = 0.5
source = {{ type = "simulator", kind = "pump", interval_s = 0.1 }}
"""
CRASHING = """
    import ctypes, sys
    from audiosense_agent import cli, detector
    place, digest = sys.argv.pop(1), sys.argv.pop(1)
    def crash(*_):
        ctypes.string_at(0)
    session = detector.open_session
    if place == "loading":
        detector.open_session = lambda model: crash() if digest.encode() in model else session(model)
    else:
        judge = detector.Detector.judge
        detector.Detector.judge = lambda self, *given: crash() if self.digest == digest else judge(self, *given)
    cli.main()
"""


class Agent:
    """An agent that can be started again and again, with models that it is said to run."""

    def __init__(self, collector, folder, windows=5):
        collector.signing_keys = KEY.public_keys()
        identity = collector.identity("pump")
        self.state = folder / "state"
        self.state.mkdir(mode=0o700)
        identity.save(self.state)
        self.collector, self.sensor_id = collector, identity.sensors["pump"]
        self.models = self.state / "models" / str(self.sensor_id)
        self._config = folder / "agent.toml"
        self._config.write_text(CONFIG.format(folder=folder, windows=windows))
        self._environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        self.deaths = []

    def put(self, current, previous=None, *, on_probation=False):
        self.models.mkdir(mode=0o700, parents=True)
        for bundle in filter(None, (current, previous)):
            (self.models / f"{bundle.digest}.zip").write_bytes(bundle.pack())
        write_record(
            self.models,
            Record(current.digest, previous.digest if previous else None, 9, on_probation=on_probation),
        )

    def start(self, *launcher):
        command = [sys.executable, *(launcher or ("-m", "audiosense_agent")), "run", "-c", str(self._config)]
        begin = subprocess.Popen if launcher else warm.Popen
        return begin(command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def die(self, *launcher):
        """Run until it dies of itself."""
        with self.start(*launcher) as process:
            process.communicate(timeout=60)
        self.deaths.append(process.returncode)

    def kill_within(self, bundle=None):
        """Kill -9 as soon as the mark says that the process is inside a model, or inside that one."""
        began_ns = time.time_ns()
        path = self.models / LOADING
        with self.start() as process:

            def is_within():
                digest = path.exists() and path.stat().st_mtime_ns > began_ns and Guard(path).dead_within()
                return digest if bundle is None else digest == bundle.digest

            wait_for(is_within)
            process.kill()
        self.deaths.append(process.returncode)

    def kill_after(self, seconds):
        with self.start() as process:
            time.sleep(seconds)
            process.kill()
        self.deaths.append(process.returncode)

    def hear(self, seconds=60.0, wanted=None):
        """Run whole until the collector has ``wanted`` told of a model, or rows; stop cleanly; return what it told."""
        stored = len(self.collector.stored)
        batches = len(self.collector.batches)
        wanted = wanted or (lambda _: len(self.collector.stored) > stored + 8)
        with self.start() as process:
            wait_for(lambda: wanted(self._told(batches)), seconds)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
        assert process.returncode == 0
        return self._told(batches)

    def _told(self, since=0):
        told = [batch.running.get(self.sensor_id) for batch in list(self.collector.batches)[since:]]
        return next((each for each in reversed(told) if each is not None), None)


@pytest.fixture
def agent(collector, tmp_path):
    return Agent(collector, tmp_path)


def test_three_kills_in_a_row_while_a_model_loads_force_the_one_before(agent):
    good = make_bundle(agent.sensor_id)
    endless = bundle_of(Live(golden_turns=ENDLESS), agent.sensor_id, version=9)
    agent.put(endless, good)
    for count in (1, 2, 3):
        agent.kill_within()
        assert read_record(agent.models).deaths.get(endless.digest, 0) == count - 1
    told = agent.hear()
    assert agent.deaths == [-signal.SIGKILL] * 3
    assert (told.digest, told.state, told.refused) == (good.digest, "committed", endless.digest)
    assert told.reason.startswith("probation:crashes: ")
    assert not (agent.models / f"{endless.digest}.zip").exists()


@pytest.mark.soak
def test_where_the_one_before_kills_as_well_the_sensor_learns(agent):
    first, second = (bundle_of(Live(golden_turns=ENDLESS + n), agent.sensor_id, version=8 + n) for n in (0, 1))
    agent.put(second, first)
    for _ in range(6):
        agent.kill_within()
    told = agent.hear()
    assert (told.digest, told.refused) == (None, first.digest)
    assert set(read_record(agent.models).refused) == {first.digest, second.digest}


def test_a_model_that_kills_while_it_is_installed_is_not_fetched_a_fourth_time(agent):
    good = make_bundle(agent.sensor_id)
    endless = bundle_of(Live(golden_turns=ENDLESS), agent.sensor_id, version=10)
    agent.put(good)
    agent.collector.bundles[endless.digest] = endless.pack()
    agent.collector.desired = {agent.sensor_id: DesiredModel(digest=endless.digest, version=10)}
    for count in (1, 2, 3):
        with agent.start() as process:
            fetched = f"/api/v1/bundles/{endless.digest}"
            wait_for(lambda: [path for _, path in agent.collector.requests].count(fetched) == count)  # noqa: B023
            wait_for(lambda: Guard(agent.models / LOADING).dead_within() == endless.digest)
            process.kill()
    told = agent.hear(wanted=lambda told: told is not None and told.refused is not None)
    agent.hear()
    fetched = [path for _, path in agent.collector.requests if path.endswith(endless.digest)]
    assert len(fetched) == 3
    assert (told.digest, told.refused) == (good.digest, endless.digest)
    assert told.reason.startswith("probation:crashes: ")


@pytest.mark.parametrize("place", ["loading", "scoring"])
def test_a_model_that_crashes_onnx_runtime_is_survived(agent, place):
    """A segmentation fault of the real process, three times, then windows scored by the model before."""
    good = make_bundle(agent.sensor_id)
    bad = bundle_of(Live(score=0.2), agent.sensor_id, version=9)
    word = bad.digest
    if place == "loading":
        word = "x" * 64
        bad = resign(bad, model=bad.model + b"\x32\x40" + word.encode())
    agent.put(bad, good, on_probation=True)
    for _ in range(3):
        agent.die("-c", textwrap.dedent(CRASHING), place, word)
    assert agent.deaths == [-signal.SIGSEGV] * 3
    told = agent.hear()
    assert (told.digest, told.refused) == (good.digest, bad.digest)


def test_the_one_before_that_kills_while_it_is_loaded_beside_does_not_take_the_new_one_with_it(agent):
    newer = make_bundle(agent.sensor_id, 9)
    endless = bundle_of(Live(golden_turns=ENDLESS), agent.sensor_id)
    agent.put(newer, endless, on_probation=True)
    for _ in range(3):
        agent.kill_within(endless)
    told = agent.hear(wanted=lambda told: told is not None and told.state == "committed")
    assert (told.digest, told.refused) == (newer.digest, endless.digest)


@pytest.mark.soak
def test_kills_at_random_never_condemn_a_model_that_was_not_at_work(agent):
    good, newer = make_bundle(agent.sensor_id), make_bundle(agent.sensor_id, 9)
    agent.put(newer, good, on_probation=True)
    for number in range(6):
        agent.kill_after(1.2 + 0.13 * number)
    told = agent.hear(wanted=lambda told: told is not None and told.state == "committed")
    assert agent.deaths == [-signal.SIGKILL] * 6
    assert (told.digest, told.refused) == (newer.digest, None)


def test_power_cuts_while_a_model_loads_never_condemn_it(agent):
    """The kill leaves the mark of this boot; the next start finds another boot of the computer."""
    slow = bundle_of(Live(golden_turns=ENDLESS), agent.sensor_id, version=9)
    agent.put(slow, make_bundle(agent.sensor_id))
    for _ in range(5):
        agent.kill_within()
        mark = agent.models / LOADING
        inside, boot, digest = mark.read_text().split("\n")
        assert inside == "x"
        mark.write_text("\n".join((inside, "0" * len(boot), digest)))
    assert Guard(mark).dead_within() is None
    record = read_record(agent.models)
    assert (record.current, record.deaths, record.refused) == (slow.digest, {}, {})


@pytest.mark.soak
def test_a_death_that_was_not_repeated_is_forgotten_once_windows_were_scored(agent):
    good = make_bundle(agent.sensor_id)
    agent.put(good)
    for _ in range(4):
        agent.models.joinpath(SCORING).unlink(missing_ok=True)
        mark = Guard(agent.models / SCORING)
        mark.enter(good.digest)
        mark.close()
        told = agent.hear()
        assert read_record(agent.models).deaths == {}
    assert (told.digest, told.refused) == (good.digest, None)
