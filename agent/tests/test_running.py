"""A machine that is stopped every night, heard by a real worker: no event, and yet no fault missed."""

import itertools
import threading
from uuid import UUID

import numpy as np
import pytest
from agent_testing.bundles import KEY, RATE, WINDOW_S, make_bundle
from agent_testing.wards import trusted

from audiosense_agent.config import SensorSettings
from audiosense_agent.spool import Spool
from audiosense_agent.windows import Window
from audiosense_agent.worker import Worker
from audiosense_collector.training.baseline import BaselineWindows
from audiosense_collector.training.build import SensorModel, build_bundle
from audiosense_collector.training.settings import FitSettings
from audiosense_common.bundle import sign_bundle
from audiosense_common.features import SCHEMA_ID, FeatureExtractor
from audiosense_common.synth import Fault, SyntheticMachine
from audiosense_common.wire import Status

AMBIENT_DBFS = -42.0
DAY, NIGHT = 14, 12
WINDOW = round(RATE * WINDOW_S)


class Shifts:
    """A source whose machine runs by day and stands still by night; a fault may be there from a given window on."""

    def __init__(self, machine, nights, *, ramp_s, fault=None, fault_from=None):
        self._machine, self._nights, self._ramp_s = machine, nights, ramp_s
        self._fault, self._from = fault, fault_from
        self.times = []

    def windows(self, _context):
        rng = np.random.default_rng(5)
        number = 0
        for _, time in itertools.product(range(self._nights), ("day", "night")):
            self._machine.run_at(float(time == "day"), self._ramp_s)
            self._machine.render(int(rng.integers(0, WINDOW)))
            for _ in range(DAY if time == "day" else NIGHT):
                fault = self._fault if self._from is not None and number >= self._from else None
                self.times.append(time)
                yield Window(number * round(WINDOW_S * 1e6), self._machine.render(WINDOW, fault))
                number += 1


class Recorder(Spool):
    """A real spool that also tells what was written to it."""

    def __init__(self, path):
        super().__init__(path)
        self.rows, self.events = [], []

    def append(self, measurements, events=(), measured=None):
        super().append(measurements, events, measured)
        self.rows += measurements
        self.events += events


@pytest.fixture(scope="module")
def bundle():
    machine = SyntheticMachine("pump", RATE, 1, ambient_dbfs=AMBIENT_DBFS)
    extractor = FeatureExtractor(RATE)
    vectors = np.stack([extractor.extract(machine.render(WINDOW)) for _ in range(400)])
    baseline = BaselineWindows(features=vectors, schema_id=SCHEMA_ID, from_us=0, to_us=60_000_000)
    model = SensorModel(sensor=UUID(int=7), version=1, sample_rate_hz=RATE, window_s=WINDOW_S)
    return build_bundle(baseline, model, KEY, created_us=0, settings=FitSettings(trees=30, samples=64))


def hear(tmp_path, bundle, source, **sensor):
    settings = SensorSettings(
        name="pump", machine="pump", sample_rate_hz=RATE, window_s=WINDOW_S, source={"type": "simulator"}, **sensor
    )
    spool = Recorder(tmp_path / "spool.db")
    worker = Worker(settings, source, spool)
    if bundle is not None:
        worker.use(trusted(bundle))
    worker.run(threading.Event())
    spool.close()
    assert worker.state == "ended"
    return spool


def machine(seed=1):
    return SyntheticMachine("pump", RATE, seed, ambient_dbfs=AMBIENT_DBFS)


def changed(bundle, **changes):
    return sign_bundle(bundle.manifest.model_copy(update=changes), bundle.model, bundle.golden, KEY.private)


@pytest.mark.parametrize("ramp_s", [0.0, 1.5])
def test_nights_raise_nothing(tmp_path, bundle, ramp_s):
    source = Shifts(machine(), 20, ramp_s=ramp_s)
    heard = hear(tmp_path, bundle, source)
    assert not heard.events
    by_night = [row.status for row, time in zip(heard.rows, source.times, strict=True) if time == "night"]
    assert by_night.count(Status.STOPPED) >= 20 * (NIGHT - 5)
    assert {row.status for row in heard.rows} <= {Status.STOPPED, Status.NORMAL, Status.ANOMALOUS}
    assert all(row.score is not None for row in heard.rows), "a score is kept, whatever the status"


def test_without_a_running_level_each_night_would_be_an_event(tmp_path, bundle):
    # Its nights of seconds are closer than the minimum gap of events, which is for real ones.
    each_by_itself = bundle.manifest.debouncing.model_copy(update={"min_gap_s": 0.0})
    blind = changed(bundle, running_level_dbfs=None, debouncing=each_by_itself)
    heard = hear(tmp_path, blind, Shifts(machine(), 4, ramp_s=0.0))
    assert len({event.id for event in heard.events}) >= 4


@pytest.mark.parametrize("ramp_s", [0.0, 1.5])
def test_a_fault_that_is_there_at_the_start_is_heard_once_the_machine_has_settled(tmp_path, bundle, ramp_s):
    source = Shifts(machine(), 2, ramp_s=ramp_s, fault=Fault("bearing_outer", 1.0), fault_from=DAY + 2)
    heard = hear(tmp_path, bundle, source)
    start_us = heard.rows[DAY + NIGHT].time_us
    assert [event.start_us > start_us for event in heard.events]
    first = min(event.start_us for event in heard.events)
    assert start_us < first <= start_us + 6 * 500_000


def test_a_fault_that_begins_while_the_machine_runs_is_heard(tmp_path, bundle):
    source = Shifts(machine(), 1, ramp_s=0.0, fault=Fault("cavitation", 1.0), fault_from=6)
    heard = hear(tmp_path, bundle, source)
    assert min(event.start_us for event in heard.events) == heard.rows[6].time_us


def test_a_fault_that_makes_the_machine_quieter_than_ever_is_heard(tmp_path, bundle):
    class Slow(Shifts):
        def windows(self, _context):
            for number in range(20):
                if number == 8:
                    self._machine.run_at(0.7)
                yield Window(number * 500_000, self._machine.render(WINDOW))

    heard = hear(tmp_path, bundle, Slow(machine(), 1, ramp_s=0.0))
    statuses = [row.status for row in heard.rows]
    assert Status.ANOMALOUS not in statuses[8:11], "it might be about to stop"
    assert statuses.count(Status.ANOMALOUS) >= 5
    assert heard.events[0].start_us > heard.rows[10].time_us


def test_the_configuration_stands_over_the_model_and_serves_without_one(tmp_path, bundle):
    def statuses(folder, model, **sensor):
        (tmp_path / folder).mkdir()
        heard = hear(tmp_path / folder, model, Shifts(machine(), 1, ramp_s=0.0), **sensor)
        return {row.status for row in heard.rows}

    assert statuses("above", bundle, running_level_dbfs=0.0) == {Status.STOPPED}
    assert Status.STOPPED not in statuses("off", bundle, running_level_dbfs="off")
    assert statuses("learning", None, running_level_dbfs=-36.0) == {Status.LEARNING, Status.STOPPED}


def test_an_older_bundle_without_a_rule_knows_its_level_only(tmp_path):
    bundle = make_bundle(UUID(int=7))
    older = changed(bundle, running_level_dbfs=-35.0, running=type(bundle.manifest.running)())
    source = Shifts(SyntheticMachine("pump", RATE, 1), 1, ramp_s=0.0)
    statuses = [row.status for row in hear(tmp_path, older, source).rows]
    assert statuses[0] is not Status.STOPPED
    assert statuses[DAY + 1 :] == [Status.STOPPED] * (NIGHT - 1)
