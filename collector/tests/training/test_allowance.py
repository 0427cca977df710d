import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiosense_collector.training.allowance import MOST, drift_extension, extend_drift
from audiosense_collector.training.detectors import find_detector
from audiosense_collector.training.fitting import fit
from audiosense_collector.training.settings import FitSettings

PERIOD_S = 5.0
HOUR = 720
FEATURES = len(find_detector("ensemble").features)


def steady(hours, seed=0):
    return np.random.default_rng(seed).normal(size=(hours * HOUR, FEATURES)).astype(np.float32)


def drifting(hours, seed=0):
    """All features follow one slow change of a standard deviation of 1.5, forgotten within three hours."""
    random, keep = np.random.default_rng(seed), np.exp(-1 / (3 * HOUR))
    steps = random.normal(size=hours * HOUR) * np.sqrt(1 - keep**2)
    course = np.zeros(hours * HOUR)
    for place in range(1, len(course)):
        course[place] = keep * course[place - 1] + steps[place]
    return steady(hours, seed + 1) + (1.5 * course[:, np.newaxis]).astype(np.float32)


@given(st.floats(0.01, 600), st.integers(20, 200_000), st.integers(1, 200_000))
def test_a_longer_baseline_is_extended_less_and_none_by_more_than_the_most(period_s, count, more):
    here, there = drift_extension(count, period_s), drift_extension(count + more, period_s)
    assert 0 <= here <= MOST
    assert there <= here or here == 0


def test_short_baselines_tell_nothing_of_drift_and_a_day_tells_most_of_it():
    assert drift_extension(HOUR - 1, PERIOD_S) == 0
    assert drift_extension(HOUR, PERIOD_S) == MOST
    assert 0.2 < drift_extension(24 * HOUR, PERIOD_S) < 0.3
    assert drift_extension(7 * 24 * HOUR, PERIOD_S) < 0.04


def test_windows_of_a_steady_machine_stay_where_they_are_and_slow_changes_go_on():
    still, slow = steady(4), drifting(4)
    assert np.abs(extend_drift(still, PERIOD_S, 1.0) - still).max() < 0.5
    moved = extend_drift(slow, PERIOD_S, 1.0) - slow
    course = slow - np.median(slow, axis=0)
    assert np.corrcoef(moved[:, 0], course.mean(axis=1))[0, 1] > 0.95
    assert moved.std() == pytest.approx(course.mean(axis=1).std(), rel=0.2)


def test_an_outlying_hour_counts_as_no_more_than_three_standard_deviations():
    windows = steady(4)
    windows[HOUR : 2 * HOUR] += 1_000
    assert np.abs(extend_drift(windows, PERIOD_S, 1.0) - windows).max() < 6


def test_the_threshold_allows_for_drift_where_there_is_some():
    settings = FitSettings(trees=20, false_alarms_per_week=7.0)
    without = FitSettings(trees=20, percentile=99.5)
    detector = find_detector("ensemble")
    calm = fit(detector, steady(4), settings, period_s=PERIOD_S)
    assert calm.evaluation["drift_extension"] == MOST
    windows = drifting(4)
    wandering = fit(detector, windows, settings, period_s=PERIOD_S)
    at_once = fit(detector, windows, settings, period_s=0.1)
    assert at_once.evaluation["drift_extension"] == 0
    assert wandering.threshold.value > at_once.threshold.value
    assert fit(detector, windows, without, period_s=PERIOD_S).evaluation["drift_extension"] == 0
