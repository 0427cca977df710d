import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosense_collector.training import thresholds
from audiosense_collector.training.fitting import debounce
from audiosense_collector.training.settings import FitSettings
from audiosense_collector.training.thresholds import (
    BUDGET,
    LEAST_EXTRAPOLATION,
    WEEK_S,
    Tail,
    event_peaks,
    keep_budget,
    to_logit,
    to_score,
)
from audiosense_common.bundle import Debouncing

RULE = Debouncing()
TYPICAL = 0.072
PERIOD_S = 5.0


def wandering(windows, seed, keep=0.7):
    """Scores of a steady machine whose neighbouring windows are alike."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(windows) * np.sqrt(1 - keep**2)
    values = np.empty(windows)
    values[0] = rng.standard_normal()
    for place in range(1, windows):
        values[place] = keep * values[place - 1] + noise[place]
    return 1 / (1 + np.exp(-values / 8))


def events_one_by_one(debounced, threshold, hysteresis):
    peaks, current = [], None
    for value in debounced:
        if current is None and value >= threshold:
            current = value
        elif current is not None:
            if value < threshold - hysteresis:
                peaks.append(current)
                current = None
            else:
                current = max(current, value)
    return peaks if current is None else [*peaks, current]


@given(st.lists(st.integers(0, 20), max_size=60), st.integers(0, 20), st.integers(0, 5))
def test_events_are_counted_as_an_agent_would_open_and_close_them(scores, threshold, hysteresis):
    debounced = np.array(scores, float)
    found = event_peaks(debounced, threshold, hysteresis)
    assert list(found) == events_one_by_one(debounced, threshold, hysteresis)


def test_logit_and_score_undo_each_other():
    scores = np.array([0.001, 0.4, 0.5, 0.93, 0.9999])
    assert [to_score(logit) for logit in to_logit(scores)] == pytest.approx(list(scores))


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.3])
def test_a_long_baseline_tells_the_shape_of_its_tail(shape):
    uniform = np.random.default_rng(3).random(40_000)
    excesses = -np.log(uniform) if shape == 0 else (uniform**-shape - 1) / shape
    tail = Tail.of(1 / (1 + np.exp(-excesses / 10)), 0.0, TYPICAL, 0)
    assert tail.shape == pytest.approx(shape, abs=0.15)
    assert tail.fit > 0.01


def test_a_tail_of_two_kinds_of_peak_is_seen_not_to_fit():
    small = np.random.default_rng(0).exponential(0.05, 200)
    assert thresholds._goodness(small, 0) > 0.05
    assert thresholds._goodness(np.concatenate((small, np.linspace(3.0, 3.1, 200))), 0) < 0.01


@pytest.mark.parametrize("per_week", [7.0, 70.0])
def test_a_long_baseline_keeps_the_budget_within_a_factor_of_three(per_week):
    later = debounce(wandering(400_000, seed=1), RULE)
    weeks = len(later) * PERIOD_S / WEEK_S
    rates = []
    for seed in range(2, 8):
        debounced = debounce(wandering(5_000, seed), RULE)
        choice = keep_budget(debounced, RULE, PERIOD_S, TYPICAL, FitSettings(false_alarms_per_week=per_week))
        rates.append(len(event_peaks(later, choice.value, RULE.hysteresis)) / weeks)
    assert per_week / 3 < np.mean(rates) < 3 * per_week


def test_the_interval_narrows_with_the_baseline():
    widths = []
    for windows in (300, 3_000):
        choice = keep_budget(debounce(wandering(windows, 5), RULE), RULE, PERIOD_S, TYPICAL, FitSettings())
        low, high = (choice.parameters[f"expected_per_week_{end}"] for end in ("low", "high"))
        assert low < choice.parameters["expected_per_week"] < high
        widths.append(np.log(high / max(low, 1e-9)))
    assert widths[1] < widths[0]


def test_a_baseline_too_short_for_the_budget_says_how_many_to_expect():
    debounced = debounce(wandering(48, 1), RULE)
    choice = keep_budget(debounced, RULE, PERIOD_S, TYPICAL, FitSettings(false_alarms_per_week=1))
    assert choice.parameters["peaks"] < LEAST_EXTRAPOLATION
    per_week = WEEK_S / (LEAST_EXTRAPOLATION * len(debounced) * PERIOD_S)
    assert choice.method == BUDGET
    assert choice.parameters["expected_per_week"] == pytest.approx(per_week, rel=0.05)
    assert choice.parameters["false_alarms_per_week"] == 1
    assert choice.parameters["baseline_s"] == len(debounced) * PERIOD_S


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 50), st.floats(0.02, 5_000), st.floats(1.1, 10))
def test_a_larger_budget_never_raises_the_threshold(seed, per_week, more):
    debounced = debounce(np.random.default_rng(seed).beta(20, 20, 120), RULE)
    low, high = (
        keep_budget(debounced, RULE, PERIOD_S, TYPICAL, FitSettings(false_alarms_per_week=budget)).value
        for budget in (min(per_week * more, 10_000), per_week)
    )
    assert 0 < low <= high < 1


def test_scores_that_are_all_equal_give_a_threshold_above_them():
    choice = keep_budget(np.full(100, 0.5), RULE, PERIOD_S, TYPICAL, FitSettings())
    assert 0.5 < choice.value < 1
