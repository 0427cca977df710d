"""Sensor faults: each is told from its samples, and neither a healthy nor a faulty machine is taken for one."""

import threading
from uuid import UUID

import numpy as np
import pytest
from agent_testing.bundles import RATE as BUNDLE_RATE
from agent_testing.bundles import WINDOW_S, make_bundle
from agent_testing.samples import simulated
from agent_testing.wards import trusted
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosense_agent.sensor_faults import unplugged
from audiosense_agent.sensor_faults.fault import FaultKind
from audiosense_agent.sensor_faults.figures import measure
from audiosense_agent.sensor_faults.limits import Limits
from audiosense_agent.sensor_faults.monitor import SensorMonitor
from audiosense_agent.sources.devices import MissingDeviceError
from audiosense_agent.windows import Window
from audiosense_agent.worker import Worker
from audiosense_common.synth import FAULT_KINDS, Fault, SyntheticMachine
from audiosense_common.wire import EventState, Status

RATE = 16_000
SECONDS = 2.0
COUNT = round(RATE * SECONDS)


def machine(kind="pump", seed=1, **options):
    return SyntheticMachine(kind, RATE, seed, **options)


def found(samples, *, is_stopped=False, limits=None, rate=RATE):
    monitor = SensorMonitor(rate, len(samples) / rate)
    if limits is not None:
        monitor._limits = limits
    fault = monitor.judge(np.asarray(samples, np.float32), is_stopped=is_stopped)
    return None if fault is None else (fault.kind, fault.cause)


def noise(level_dbfs, seed=0, count=COUNT):
    return 10 ** (level_dbfs / 20) * np.random.default_rng(seed).standard_normal(count)


def hum(mains_hz, level_dbfs, count=COUNT, rate=RATE):
    time_s = np.arange(count) / rate
    waves = sum(np.sin(2 * np.pi * mains_hz * k * time_s + k) / k for k in (1, 2, 3, 5, 7))
    return waves * 10 ** (level_dbfs / 20) / np.sqrt(np.mean(waves**2))


@settings(deadline=None, max_examples=30)
@given(
    kind=st.sampled_from(["pump", "fan", "gearbox", "motor"]),
    seed=st.integers(0, 50),
    fault=st.sampled_from([None, *FAULT_KINDS]),
    severity=st.floats(0.1, 1.0),
    gain_db=st.floats(-40.0, 12.0),
)
def test_no_machine_is_taken_for_a_sensor_fault(kind, seed, fault, severity, gain_db):
    sound = machine(kind, seed, ambient_dbfs=-70).render(COUNT, None if fault is None else Fault(fault, severity))
    sound = np.clip(sound * 10 ** (gain_db / 20), -0.999, 0.999)
    assert found(sound) is None


@settings(deadline=None, max_examples=30)
@given(st.sampled_from([0.0, 1e-6]), st.integers(100, COUNT))
def test_zeros_are_silence(value, count):
    assert found(np.full(count, value)) == (FaultKind.SILENT, "digital")


def test_a_sensor_that_falls_silent_or_stands_still_within_a_window_is_noticed():
    sound = machine().render(COUNT)
    sound[COUNT // 2 :] = 0
    assert found(sound) == (FaultKind.SILENT, "digital")
    sound[COUNT // 2 :] = 0.3
    assert found(sound) == (FaultKind.STUCK, "constant")


@settings(deadline=None, max_examples=30)
@given(st.floats(-120.0, -92.0))
def test_less_than_any_input_gives_is_silence(level_dbfs):
    assert found(noise(level_dbfs)) == (FaultKind.SILENT, "quiet")


def test_what_counts_as_silent_follows_the_baseline():
    assert found(noise(-80), limits=Limits(silent=-75.0)) == (FaultKind.SILENT, "quiet")
    assert found(np.cumsum(noise(-120)), limits=Limits(silent=-110.0)) is None


@settings(deadline=None, max_examples=30)
@given(st.floats(0.001, 1.0), st.sampled_from([-1, 1]))
def test_a_constant_is_a_sensor_that_is_stuck(value, sign):
    assert found(np.full(COUNT, sign * value)) == (FaultKind.STUCK, "constant")


@settings(deadline=None, max_examples=30)
@given(st.floats(0.51, 0.9))
def test_an_offset_that_takes_half_of_the_range_is_a_fault(offset):
    assert found(machine().render(COUNT) + offset) == (FaultKind.STUCK, "offset")
    assert found(machine().render(COUNT) + offset / 10) is None


@settings(deadline=None, max_examples=30)
@given(st.floats(3.0, 30.0))
def test_an_overdriven_input_is_clipped(overdrive_db):
    sound = machine().render(COUNT)
    peak = np.percentile(np.abs(sound), 97)
    assert found(np.clip(sound / peak * 10 ** (overdrive_db / 20), -1, 1)) == (FaultKind.CLIPPED, "full_scale")


def test_single_blows_at_full_scale_are_the_machines_own():
    sound = machine().render(COUNT)
    sound[:: RATE // 10] = 1.0
    assert found(sound) is None
    assert found(np.sin(np.arange(COUNT) * 0.01)) is None, "a tone that just reaches full scale"


@settings(deadline=None, max_examples=30)
@given(st.sampled_from([50.0, 60.0, 49.9, 60.1]), st.floats(-80.0, -55.0), st.integers(0, 100))
def test_mains_hum_over_an_inputs_own_noise_is_a_plug_that_is_out(mains_hz, level_dbfs, seed):
    sound = hum(mains_hz, level_dbfs) + noise(level_dbfs - 12, seed)
    assert found(sound) == (FaultKind.UNPLUGGED, "hum")


def test_an_inputs_own_noise_is_a_plug_that_is_out_where_a_baseline_knows_better():
    limits = Limits(silent=-90, quiet=-45, hum=-50)
    assert found(noise(-75), limits=limits) == (FaultKind.UNPLUGGED, "noise_floor")
    assert found(noise(-75), limits=limits, is_stopped=True) is None, "a machine at rest beside a noisy microphone"
    assert found(noise(-75)) is None, "without a baseline it may be all that the sensor hears"


def test_a_machine_at_rest_in_its_room_is_no_fault_even_where_the_mains_hum_was_always_there():
    room = machine(ambient_dbfs=-60)
    room.run_at(0.0)
    room.render(COUNT)
    rest = room.render(COUNT)
    assert found(rest) is None
    assert found(rest + hum(50, -58)) is None, "the room is heard beside the hum"
    known = Limits(silent=-90, quiet=-45, hum=-60)
    assert found(hum(50, -60) + noise(-75), limits=known, is_stopped=True) is None
    assert found(hum(50, -50) + noise(-75), limits=known, is_stopped=True) == (FaultKind.UNPLUGGED, "hum")


def test_a_machine_that_hums_at_the_mains_frequency_is_heard_beside_its_hum():
    sound = hum(50, -55) + machine("motor").render(COUNT) * 0.02
    floor = unplugged.analyse(sound.astype(np.float32), RATE)
    assert floor.hums
    assert found(sound) is None


def test_short_windows_and_low_rates_are_not_judged_by_their_hum():
    short = hum(50, -60, 3_000) + noise(-75, count=3_000)
    assert found(short) is None


def test_limits_come_from_the_baseline():
    manifest = make_bundle(UUID(int=1)).manifest
    limits = Limits.of(manifest)
    usual = dict(zip(manifest.baseline.reference.features, manifest.baseline.reference.location, strict=True))
    assert limits.quiet == usual["rms_dbfs"] - 15
    assert limits.silent == pytest.approx(usual["rms_dbfs"] - 60)
    assert limits.hum == max(usual["third_50_db"], usual["third_63_db"])
    assert Limits.of(None) == Limits()


class Scripted:
    def __init__(self, *parts):
        self.parts = list(parts)

    def windows(self, context):
        while self.parts:
            part = self.parts.pop(0)
            if isinstance(part, Exception):
                raise part
            yield part


def test_faults_of_the_sensor_are_invalid_open_no_event_and_end_after_two_good_windows(spool):
    bundle = make_bundle(UUID(int=7))
    pump = SyntheticMachine("pump", BUNDLE_RATE, 1)
    length = round(BUNDLE_RATE * WINDOW_S)

    def window(number, sound):
        return Window(number * 500_000, np.asarray(sound, np.float32))

    good = [pump.render(length) for _ in range(20)]
    bad = [np.zeros(length), np.full(length, 0.7), np.clip(good[0] * 300, -1, 1)] * 5
    sounds = [*good[:8], *bad, *good[8:]]
    sensor = simulated(rate=BUNDLE_RATE)
    recorded = sensor.model_copy(update={"source": type("Any", (), {"type": "recording"})()})
    worker = Worker(recorded, Scripted(*[window(i, sound) for i, sound in enumerate(sounds)]), spool)
    worker.use(trusted(bundle))
    worker.run(threading.Event())
    rows = spool.read(100)
    statuses = [row.status for row in rows]
    assert set(statuses[8 : 8 + len(bad) + 1]) == {Status.INVALID}, "one good window is still held back"
    assert Status.INVALID not in statuses[8 + len(bad) + 1 :]
    assert {row.model for row in rows if row.status is Status.INVALID} == {None}
    assert spool.read_events(10) == []
    assert worker.health.monitor.faults == 1
    assert worker.health.invalid == len(bad) + 1


def test_a_device_that_is_gone_is_a_fault_until_it_is_heard_again(spool):
    pump = SyntheticMachine("pump", 8_000, 1)
    sounds = [Window(i * 500_000, pump.render(4_000)) for i in range(6)]
    worker = Worker(simulated(), Scripted(sounds[0], MissingDeviceError("gone"), *sounds[1:]), spool, retry_s=0.001)
    seen = []
    worker.health.fail = lambda error, fail=worker.health.fail: (
        fail(error),
        seen.append(worker.health.monitor.standing),
    )
    worker.run(threading.Event())
    assert [(fault.kind, fault.cause) for fault in seen[0]] == [(FaultKind.UNPLUGGED, "device_gone")]
    assert worker.health.monitor.standing == ()


def test_a_sensor_that_was_moved_is_invalid_once_that_is_sure_and_its_event_is_closed(spool):
    pump, length = SyntheticMachine("pump", BUNDLE_RATE, 1), round(BUNDLE_RATE * WINDOW_S)
    usual, moved = [[gain * pump.render(length) for _ in range(260)] for gain in (1.0, 0.2)]
    sounds = [Window(i * 500_000, sound.astype(np.float32)) for i, sound in enumerate([*usual, *moved])]
    worker = Worker(simulated(rate=BUNDLE_RATE), Scripted(*sounds), spool)
    worker.use(trusted(make_bundle(UUID(int=7))))
    worker.run(threading.Event())
    rows = spool.read(1_000)
    assert rows[-1].status is Status.INVALID
    first = next(place for place, row in enumerate(rows) if row.status is Status.INVALID)
    assert first == 260 + 240, "two minutes after the move"
    assert Status.STOPPED in {row.status for row in rows[260:first]}, "until then it seemed to be at rest"
    assert {row.status for row in rows[first:]} == {Status.INVALID}
    (fault,) = worker.health.monitor.standing
    assert (fault.kind, fault.is_sure) == (FaultKind.MOVED, True)
    last = {event.id: event for _, event in spool.read_events(100)}
    assert {event.state for event in last.values()} <= {EventState.CLOSE}
    assert max((event.end_us for event in last.values()), default=0) <= rows[first].time_us + 500_000


@pytest.mark.parametrize("count", [1, 2, 100])
def test_figures_of_any_length(count):
    figures = measure(np.linspace(-0.5, 0.5, count).astype(np.float32), RATE)
    assert figures.is_constant == (count == 1)
    assert -160 <= figures.level_dbfs <= 0
