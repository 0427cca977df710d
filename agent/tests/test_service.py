"""The whole agent: learning, a model that arrives, events, outages, invalid sound, clean stops."""

import json
import os
import signal
import subprocess
import sys
import threading
from uuid import UUID

import numpy as np
import pytest
from agent_testing.bundles import KEY, RATE, make_bundle
from agent_testing.running import Running, rows
from agent_testing.samples import event, simulated
from agent_testing.waiting import wait_for
from agent_testing.wards import trusted

from audiosense_agent.config import Settings
from audiosense_agent.errors import AgentError, SourceError
from audiosense_agent.service import Service
from audiosense_agent.sources.injection import Injection, inject
from audiosense_agent.spool import Spool
from audiosense_agent.spool.view import read_spool
from audiosense_agent.windows import Window
from audiosense_agent.worker import Worker
from audiosense_common.wire import DesiredModel, EventState, Status
from deploy.testing import warm


def test_a_pushed_model_scores_a_fault_becomes_an_event_and_nothing_is_lost(collector, tmp_path):
    collector.signing_keys = KEY.public_keys()
    identity = collector.identity("pump")
    identity.save(tmp_path)
    sensor_id = identity.sensors["pump"]
    bundle = make_bundle(sensor_id)
    with Running(tmp_path, simulated(history_s=100_000, max_speed=40)) as service:
        wait_for(lambda: len(rows(collector, "pump")) > 10)
        collector.bundles[bundle.digest] = bundle.pack()
        collector.desired = {sensor_id: DesiredModel(digest=bundle.digest, version=1)}
        wait_for(
            lambda: any(
                batch.running.get(sensor_id, None) is not None and batch.running[sensor_id].digest == bundle.digest
                for batch in list(collector.batches)
            )
        )
        wait_for(lambda: sum(row[3] == bundle.digest for row in rows(collector, "pump")) > 20)
        assert not collector.events
        inject(tmp_path, "pump", Injection(fault="bearing_outer"))
        wait_for(lambda: collector.events)
        inject(tmp_path, "pump", None)
        wait_for(lambda: all(each.state is EventState.CLOSE for each in collector.events.values()))
        assert service.uplink.state == "ok"
    found = rows(collector, "pump")
    assert {row[2] for row in found} >= {Status.LEARNING, Status.NORMAL, Status.ANOMALOUS}
    assert all((row[1] is None) == (row[2] is Status.LEARNING) for row in found)
    assert {seq for _, _, seq in collector.stored} == set(range(1, len(found) + 1))
    assert np.diff(sorted(row[0] for row in found)).min() == 500_000
    (first, *_) = collector.events.values()
    assert first.peak_score >= first.threshold == bundle.manifest.threshold.value
    assert first.model == bundle.digest
    columns = [each for batch in collector.batches for each in batch.sensors]
    for each in columns:
        assert set(each.reasons) == {i for i, status in enumerate(each.status) if status is Status.ANOMALOUS}
    told = [first.reasons, *(each.reasons[place] for each in columns for place in each.reasons)]
    assert {reason.key for reasons in told for reason in reasons} >= {"band", "impulsiveness"}
    (low_hz,) = {reason.low_hz for reason in first.reasons if reason.key == "band"}
    assert low_hz > 2_500


def test_a_refused_model_is_reported_and_not_fetched_again(collector, tmp_path):
    collector.signing_keys = KEY.public_keys()
    identity = collector.identity("pump")
    identity.save(tmp_path)
    sensor_id = identity.sensors["pump"]
    wrong = make_bundle(sensor_id, rate=16_000)
    collector.bundles[wrong.digest] = wrong.pack()
    collector.desired = {sensor_id: DesiredModel(digest=wrong.digest, version=1)}
    with Running(tmp_path, simulated(history_s=100_000, max_speed=40)):
        wait_for(
            lambda: any(
                batch.running.get(sensor_id) and batch.running[sensor_id].refused for batch in list(collector.batches)
            )
        )
        count = len(collector.batches)
        wait_for(lambda: len(collector.batches) > count + 3)
    reported = [batch.running[sensor_id] for batch in collector.batches if sensor_id in batch.running]
    assert reported[-1].refused == wrong.digest
    assert reported[-1].reason.startswith("sample_rate")
    assert [path for _, path in collector.requests].count(f"/api/v1/bundles/{wrong.digest}") == 1


def test_what_is_heard_before_the_enrolment_is_sent_after_it(collector, tmp_path):
    with Running(tmp_path, simulated(), stop_after=12):
        wait_for(lambda: spooled(tmp_path) == 12)
    assert collector.stored == {}
    collector.identity().save(tmp_path)
    with Running(tmp_path, simulated(), stop_after=5):
        wait_for(lambda: len(collector.stored) == 17)
    starts = [row[0] for row in rows(collector, "pump")]
    assert len(set(starts)) == 17


def spooled(folder):
    return read_spool(folder / "spool.db").status.rows


def test_an_event_left_open_by_a_crash_is_closed_at_the_next_start(collector, tmp_path):
    spool = Spool(tmp_path / "spool.db")
    left = event()
    spool.append([], [left])
    spool.close()
    collector.identity("pump").save(tmp_path)
    with Running(tmp_path, simulated(), stop_after=1):
        wait_for(lambda: collector.events and collector.events[left.id].state is EventState.CLOSE)
    assert collector.events[left.id].revision == 2


def test_a_second_agent_on_the_same_state_is_refused(tmp_path):
    with Running(tmp_path, simulated()), pytest.raises(AgentError, match="already runs"):
        Running(tmp_path, simulated())


def test_an_agent_without_sensors_says_so(tmp_path):
    with pytest.raises(AgentError, match="no sensor"):
        Service(Settings(state_dir=tmp_path))


class Scripted:
    """A source that plays what a test gives it: windows, or errors."""

    def __init__(self, *parts):
        self.parts = list(parts)

    def windows(self, context):
        while self.parts:
            part = self.parts.pop(0)
            if isinstance(part, Exception):
                raise part
            yield part


def work(spool, *parts):
    worker = Worker(simulated(), Scripted(*parts), spool, retry_s=0.001)
    worker.run(threading.Event())
    return worker


def sound(number, value=0.1):
    samples = np.full(round(RATE * 0.5), value, np.float32)
    samples[::2] *= -1
    return Window(number * 500_000, samples)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_make_a_window_invalid_not_anomalous(spool, bad):
    broken = sound(1)
    broken.samples[7] = bad
    work(spool, sound(0), broken, sound(2, value=np.nan))
    found = spool.read(10)
    assert [each.status for each in found] == [Status.LEARNING, Status.INVALID, Status.INVALID]
    assert [each.score for each in found] == [None] * 3
    assert all(np.isfinite(each.features).all() for each in found)


def test_an_invalid_window_names_no_model_as_none_scored_it(spool):
    broken = sound(1)
    broken.samples[7] = np.nan
    worker = Worker(simulated(rate=RATE), Scripted(sound(0), broken), spool)
    worker.use(trusted(make_bundle(UUID(int=7))))
    worker.run(threading.Event())
    assert [each.model is None for each in spool.read(10)] == [False, True]


def test_a_source_that_fails_is_opened_again(spool):
    worker = work(spool, sound(0), SourceError("unplugged"), SourceError("still"), sound(1))
    assert len(spool.read(10)) == 2
    assert worker.state == "ended"


def test_an_unexpected_failure_does_not_end_a_sensor(spool):
    work(spool, sound(0), ZeroDivisionError("oops"), sound(1))
    assert len(spool.read(10)) == 2


def test_windows_wait_in_memory_while_the_spool_cannot_take_them(spool):
    spool._db.execute("PRAGMA query_only = ON")
    worker = Worker(simulated(), Scripted(*[sound(i) for i in range(10)]), spool, group=1)
    worker.run(threading.Event())
    assert spool.read(100) == []
    spool._db.execute("PRAGMA query_only = OFF")
    worker._commit()
    assert len(spool.read(100)) == 10


def start(tmp_path, *arguments, **environment):
    config = tmp_path / "agent.toml"
    config.write_text(
        f'state_dir = "{tmp_path}/state"\n[[sensors]]\nname = "pump"\nmachine = "m"\nwindow_s = 0.2\n'
        'source = {type = "simulator", history_s = 20}\n'
    )
    command = [sys.executable, "-m", "audiosense_agent", "run", "-c", str(config), "--verbose", *arguments]
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
    return warm.Popen(
        command, env=os.environ | paths | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_agent_cleanly(tmp_path, number):
    with start(tmp_path) as process:
        while "learning" not in process.stdout.readline():
            pass
        process.send_signal(number)
        output = process.communicate(timeout=20)[0]
    assert process.returncode == 0, output
    assert "Traceback" not in output


def test_a_killed_agent_leaves_all_it_committed(tmp_path):
    with start(tmp_path) as process:
        while "learning" not in process.stdout.readline():
            pass
        wait_for(lambda: spooled(tmp_path / "state") > 50)
        process.kill()
        process.communicate(timeout=20)
    spool = Spool(tmp_path / "state" / "spool.db")
    found = spool.read(10_000)
    spool.close()
    assert len(found) > 50
    assert set(np.diff([each.time_us for each in found])) == {200_000}


def test_the_agent_process_stays_light():
    script = (
        "import sys, json, audiosense_agent.service, audiosense_agent.cli\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert not loaded & {"sklearn", "scipy", "librosa", "sqlalchemy", "skl2onnx", "onnx", "pandas", "sounddevice"}
    assert "onnxruntime" not in loaded, "it is loaded with the first model"
