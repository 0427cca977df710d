from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from audiosense_common.features import SCHEMA_ID, SHAPE_FEATURES, FeatureExtractor, column
from audiosense_common.synth import FAULT_KINDS, MACHINE_KINDS, Fault, SynthError, SyntheticMachine
from audiosense_common.synth.faults import bearing_outer_order
from audiosense_common.synth.kinds import Bearing, machine_spec

RATE = 16_000
WINDOW = RATE
SHAPE = [column(SCHEMA_ID, name) for name in SHAPE_FEATURES]


def levels_db(samples, rate=RATE):
    """Mean power per Hz-wide line, in dB, with its frequencies."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    return np.fft.rfftfreq(len(samples), 1 / rate), 10 * np.log10(power + 1e-12)


def rise_db(kind, fault, low_hz, high_hz, seconds=4):
    """How far a fault lifts the power between two frequencies."""
    healthy = SyntheticMachine(kind, RATE, 5).render(seconds * RATE)
    faulty = SyntheticMachine(kind, RATE, 5).render(seconds * RATE, fault)
    totals = []
    for sound in (healthy, faulty):
        frequencies, level = levels_db(sound)
        inside = (frequencies >= low_hz) & (frequencies < high_hz)
        totals.append(10 * np.log10(np.sum(10 ** (level[inside] / 10))))
    return totals[1] - totals[0]


@given(
    kind=st.sampled_from(MACHINE_KINDS),
    fault=st.none() | st.builds(Fault, st.sampled_from(FAULT_KINDS), st.floats(0, 1)),
    sizes=st.lists(st.integers(0, 9_000), min_size=1, max_size=8),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=40, deadline=None)
def test_any_division_into_calls_gives_the_same_sound(kind, fault, sizes, seed):
    whole = SyntheticMachine(kind, RATE, seed).render(sum(sizes), fault)
    machine = SyntheticMachine(kind, RATE, seed)
    parts = [machine.render(size, fault) for size in sizes]
    assert [len(part) for part in parts] == sizes
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_the_seed_is_the_individual():
    first, again, other = (SyntheticMachine("pump", RATE, seed).render(RATE) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01


@pytest.mark.parametrize("kind", FAULT_KINDS)
def test_severity_0_is_the_healthy_machine_bit_for_bit(kind):
    healthy = SyntheticMachine("fan", RATE, 3).render(20_000)
    np.testing.assert_array_equal(SyntheticMachine("fan", RATE, 3).render(20_000, Fault(kind, 0.0)), healthy)


@pytest.mark.parametrize("kind", FAULT_KINDS)
def test_a_fault_may_come_grow_and_go_and_sounds_as_if_it_had_always_been_there(kind):
    always = SyntheticMachine("gearbox", RATE, 3).render(30_000, Fault(kind, 1.0))
    machine = SyntheticMachine("gearbox", RATE, 3)
    machine.render(10_000)
    np.testing.assert_allclose(machine.render(5_000, Fault(kind, 1.0)), always[10_000:15_000], atol=1e-7)
    halfway, healthy = machine.render(5_000, Fault(kind, 0.5)), SyntheticMachine("gearbox", RATE, 3).render(30_000)
    np.testing.assert_allclose(
        halfway - healthy[15_000:20_000], 0.5**1.5 * (always - healthy)[15_000:20_000], atol=1e-6
    )
    np.testing.assert_array_equal(machine.render(10_000), healthy[20_000:])


@pytest.mark.parametrize("kind", MACHINE_KINDS)
@pytest.mark.parametrize("rate", [4_000, 8_000, 16_000, 48_000, 96_000])
def test_sound_stays_within_full_scale_at_every_sample_rate(kind, rate):
    for fault in (None, *(Fault(name, 1.0) for name in FAULT_KINDS)):
        sound = SyntheticMachine(kind, rate, 11).render(rate, fault)
        assert sound.dtype == np.float32
        assert np.abs(sound).max() < 1.0
        assert 0.01 < np.sqrt(np.mean(sound**2)) < 0.3


@pytest.mark.parametrize(("kind", "order"), [("pump", 6), ("fan", 9), ("gearbox", 23), ("motor", 28)])
def test_each_machine_sounds_at_its_own_orders(kind, order):
    sound = SyntheticMachine(kind, RATE, 4).render(10 * RATE)
    frequencies, level = levels_db(sound)
    expected_hz = order * machine_spec(kind).shaft_hz
    near = np.abs(frequencies - expected_hz) < 0.012 * expected_hz
    around = np.abs(frequencies - expected_hz) < 0.2 * expected_hz
    assert level[near].max() > np.median(level[around]) + 12


def test_speed_and_level_drift_slowly():
    machine = SyntheticMachine("pump", RATE, 6)
    extractor = FeatureExtractor(RATE)
    levels = [extractor.describe(machine.render(2 * RATE))[0] for _ in range(60)]
    assert 0.4 < np.std(levels) < 2.0
    assert np.abs(np.diff(levels)).mean() < np.std(levels)


def test_the_outer_race_pass_frequency_is_the_textbooks():
    assert bearing_outer_order(Bearing(balls=9, diameter_ratio=0.0)) == 4.5
    assert bearing_outer_order(Bearing(balls=8, diameter_ratio=0.5, contact_angle=np.pi / 3)) == pytest.approx(3.0)


def test_an_outer_race_fault_knocks_at_its_pass_frequency():
    machine, healthy = (SyntheticMachine("motor", RATE, 7) for _ in range(2))
    knocks = machine.render(8 * RATE, Fault("bearing_outer", 1.0)) - healthy.render(8 * RATE)
    frequencies, level = levels_db(np.abs(knocks))
    spec = machine_spec("motor")
    expected_hz = bearing_outer_order(spec.bearing) * spec.shaft_hz
    searched = (frequencies > 0.3 * expected_hz) & (frequencies < 1.7 * expected_hz)
    assert frequencies[searched][level[searched].argmax()] == pytest.approx(expected_hz, rel=0.01)


@pytest.mark.parametrize(
    ("fault", "low_hz", "high_hz", "at_least_db"),
    [
        ("imbalance", 20, 30, 10),
        ("misalignment", 45, 55, 10),
        ("bearing_outer", 2_500, 4_700, 8),
        ("cavitation", 3_000, 8_000, 5),
        ("belt_squeal", 2_300, 2_500, 6),
        ("air_leak", 4_000, 8_000, 8),
        ("loose_part", 5, 20, 10),
    ],
)
def test_each_fault_lifts_its_own_part_of_the_spectrum(fault, low_hz, high_hz, at_least_db):
    assert rise_db("pump", Fault(fault, 1.0), low_hz, high_hz) > at_least_db


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SyntheticMachine("lathe", RATE), "'lathe' is unknown, expected one of pump, fan, gearbox, motor"),
        (lambda: SyntheticMachine("pump", 1_000), "sample rate is 1000 Hz"),
        (lambda: SyntheticMachine("pump", RATE, -1), "seed is -1"),
        (lambda: Fault("rust", 0.5), "'rust' is unknown, expected one of bearing_outer"),
        (lambda: Fault("air_leak", 1.5), "severity of air_leak is 1.5"),
        (lambda: Fault("air_leak", float("nan")), "severity of air_leak is nan"),
    ],
)
def test_what_cannot_be_simulated_is_named(call, message):
    with pytest.raises(SynthError, match=message):
        call()


def shapes(machine, count, fault=None):
    extractor = FeatureExtractor(RATE)
    return np.array([extractor.extract(machine.render(WINDOW, fault)) for _ in range(count)])[:, SHAPE].astype("f4")


@pytest.fixture(scope="module", params=MACHINE_KINDS)
def heard(request):
    """A forest's scores of its baseline, of 300 later healthy windows, and after those of 20 windows of each fault."""
    machine = SyntheticMachine(request.param, RATE, 1)
    baseline, healthy = shapes(machine, 150), shapes(machine, 300)
    forest = IsolationForest(n_estimators=100, random_state=0).fit(baseline)
    faulty = {kind: -forest.score_samples(shapes(machine, 20, Fault(kind, 0.6))) for kind in FAULT_KINDS}
    return -forest.score_samples(baseline), -forest.score_samples(healthy), faulty


def test_healthy_drift_raises_no_alarm(heard):
    baseline, healthy, _ = heard
    exceeded = healthy >= np.percentile(baseline, 99.5)
    assert np.convolve(exceeded, np.ones(5)).max() < 3
    assert exceeded.mean() < 0.05


def test_a_forest_that_knows_the_healthy_shape_tells_every_fault(heard):
    _, healthy, faulty = heard
    for fault, scores in faulty.items():
        auc = roc_auc_score(np.r_[np.zeros(len(healthy)), np.ones(len(scores))], np.r_[healthy, scores])
        assert auc > 0.95, fault


def rms_dbfs(samples):
    return 20 * np.log10(np.sqrt(np.mean(samples.astype(np.float64) ** 2)) + 1e-12)


@pytest.mark.parametrize("kind", MACHINE_KINDS)
def test_a_machine_stops_and_starts_and_its_room_is_heard_on(kind):
    machine = SyntheticMachine(kind, RATE, 3, ambient_dbfs=-50.0)
    runs = rms_dbfs(machine.render(2 * RATE))
    machine.run_at(0.0, ramp_s=6.0)
    falling = [rms_dbfs(machine.render(RATE)) for _ in range(7)]
    assert falling[0] < runs
    assert all(later < earlier for earlier, later in pairwise(falling[:5]))
    assert rms_dbfs(machine.render(2 * RATE)) == pytest.approx(-50.0, abs=0.5)
    machine.run_at(1.0, ramp_s=3.0)
    machine.render(4 * RATE)
    assert rms_dbfs(machine.render(2 * RATE)) == pytest.approx(runs, abs=3)


def test_without_a_room_a_stopped_machine_is_silent_and_its_fault_too():
    machine = SyntheticMachine("pump", RATE, 3)
    machine.run_at(0.0)
    machine.render(RATE, Fault("bearing_outer", 1.0))
    assert np.abs(machine.render(RATE, Fault("bearing_outer", 1.0))).max() < 1e-6


def test_a_slower_machine_sounds_lower():
    slow = SyntheticMachine("pump", RATE, 3, speed=0.5)
    frequencies, level = levels_db(slow.render(4 * RATE))
    blade_hz = 6 * machine_spec("pump").shaft_hz / 2
    near = np.abs(frequencies - blade_hz) < 2
    around = np.abs(frequencies - blade_hz) < 20
    assert level[near].max() == level[around].max()


@pytest.mark.parametrize("sizes", [[20_000, 30_000], [1, 49_999], [4_096, 45_904]])
def test_what_was_rendered_before_a_stop_does_not_change_it(sizes):
    def render(parts):
        machine = SyntheticMachine("fan", RATE, 5, ambient_dbfs=-45.0)
        machine.run_at(0.0, ramp_s=2.0)
        return np.concatenate([machine.render(size) for size in parts])

    np.testing.assert_array_equal(render(sizes), render([50_000]))
