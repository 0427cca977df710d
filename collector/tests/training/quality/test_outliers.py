import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from audiosense_collector.training.detectors import find_detector
from audiosense_collector.training.fitting import fit
from audiosense_collector.training.quality.outliers import find_odd
from audiosense_collector.training.settings import DEFAULT_DETECTOR, FitSettings
from audiosense_common.features import SCHEMA_ID, column
from audiosense_common.synth import MACHINE_KINDS


@pytest.mark.parametrize("windows", [48, 120])
def test_a_dropped_tool_is_left_out_of_a_small_baseline_and_nothing_else(machine, knocks, look, windows):
    baseline = machine("pump")[:windows].copy()
    dropped = [20, 21] if windows == 48 else [20, 21, 60, 90]
    baseline[dropped] = knocks[: len(dropped)]
    found = look(baseline)
    assert list(np.flatnonzero(~found.kept)) == dropped
    assert (found.left_out, found.odd, len(found.modes)) == (len(dropped), len(dropped), 1)


def test_noises_are_left_out_of_a_large_baseline(machine, knocks, look):
    rng = np.random.default_rng(0)
    large = machine("pump")[rng.integers(120, size=10_000)].astype(float)
    bursts = np.concatenate([np.arange(start, start + 5) for start in rng.choice(9_990, 40, replace=False)])
    large[bursts] = knocks[rng.integers(24, size=len(bursts))]
    found = look((large + rng.normal(0, 0.2, large.shape)).astype(np.float16))
    assert set(np.flatnonzero(~found.kept)) == set(bursts)


@pytest.mark.parametrize("stretches", [[slice(60, 72)], [slice(20, 24), slice(130, 134), slice(200, 204)]])
def test_a_rare_mode_is_learnt_from_be_it_heard_once_or_again_and_again(machine, look, stretches):
    baseline = np.concatenate([machine("pump"), machine("pump", windows=120)])
    for stretch in stretches:
        baseline[stretch] = machine("fan")[stretch.start % 100 :][: stretch.stop - stretch.start]
    found = look(baseline)
    assert found.kept.all()
    assert [mode.share for mode in found.modes if mode.share < 0.5] == [pytest.approx(0.05)]


@pytest.mark.parametrize("kind", MACHINE_KINDS)
def test_all_of_a_healthy_machine_is_learnt_from(machine, look, kind):
    for windows in (48, 120):
        assert look(machine(kind)[:windows]).odd == 0


def test_where_too_much_looks_odd_nothing_is_left_out_and_it_is_told(machine, look):
    baseline = machine("pump").copy()
    rng = np.random.default_rng(0)
    places = np.arange(5, 120, 10)
    baseline[places] = (baseline[places] + rng.normal(0, 12, (len(places), baseline.shape[1]))).astype(np.float16)
    found = look(baseline)
    assert found.odd == len(places)
    assert found.left_out == 0


def test_two_percent_of_noise_hides_a_fault_and_leaving_it_out_brings_it_back(machine, knocks, look):
    detector = find_detector(DEFAULT_DETECTOR)
    columns = [column(SCHEMA_ID, name) for name in detector.features]
    clean = machine("pump")
    noisy = clean.copy()
    noisy[50:53] = knocks[:3]
    shifted = clean[::4].copy()
    shifted[:, [column(SCHEMA_ID, f"mel_max_shape_{band:02d}") for band in range(40, 50)]] += 5

    def share_heard(baseline):
        fitted = fit(detector, baseline[:, columns].astype(np.float32), FitSettings(trees=40))
        return np.mean(fitted.detector.score(shifted[:, columns].astype(np.float32)) >= fitted.threshold.value)

    assert share_heard(clean) >= 0.9
    assert share_heard(noisy) < 0.1
    assert share_heard(noisy[look(noisy).kept]) > 0.9


@settings(deadline=None, max_examples=40)
@given(arrays(np.float16, st.tuples(st.integers(20, 70), st.just(6)), elements=st.floats(-100, 100, width=16)))
def test_no_matter_what_is_heard_a_verdict_is_given(values):
    odd = find_odd(values.astype(float))
    assert odd.shape == (len(values),)
    assert odd.mean() < 0.5
