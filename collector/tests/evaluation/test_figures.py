from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from audiosense_collector.evaluation import figures
from audiosense_collector.evaluation.protocol import ScoredClip, Trial
from audiosense_common.bundle import Debouncing

SCORES = st.lists(st.sampled_from(np.linspace(0, 1, 12).tolist()), min_size=1, max_size=30).map(np.array)


def scored(windows, *, abnormal=False, fold=0, threshold=0.5, name="clip"):
    return ScoredClip(path=Path(name), abnormal=abnormal, fold=fold, windows=np.array(windows), threshold=threshold)


def trial(clips, **options):
    return Trial(machine="m", channel=0, debouncing=Debouncing(**options), clips=tuple(clips), windows_per_s=1.0)


@given(SCORES, SCORES, st.sampled_from([0.05, 0.1, 0.3, 0.99]))
@settings(max_examples=50)
def test_areas_are_scikit_learns(normal, abnormal, limit):
    truth = np.repeat([0, 1], [len(normal), len(abnormal)])
    scores = np.concatenate((normal, abnormal))
    assert figures.auc(normal, abnormal) == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)
    expected = roc_auc_score(truth, scores, max_fpr=limit)
    assert figures.partial_auc(normal, abnormal, limit) == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.tuples(SCORES, SCORES), min_size=1, max_size=4))
@settings(max_examples=40)
def test_the_area_below_the_mean_curve_is_the_mean_auc(folds):
    clips = [
        scored([score], abnormal=kind, fold=number, name=f"{number}-{kind}-{place}")
        for number, both in enumerate(folds)
        for kind, scores in zip((False, True), both, strict=True)
        for place, score in enumerate(scores)
    ]
    false, true = figures.mean_roc(trial(clips))
    assert (np.diff(false) >= 0).all()
    assert np.trapezoid(true, false) == pytest.approx(figures.compute_figures(trial(clips)).auc, abs=1e-12)


@pytest.mark.parametrize(
    ("above", "alarm"),
    [
        ([1, 0, 1, 0, 0, 1, 0], False),
        ([0, 1, 0, 1, 0, 1, 0], True),
        ([0, 0, 0, 0, 1], False),
        ([0, 0, 0, 1], True),
        ([0, 0, 0, 0], False),
    ],
)
def test_a_clip_alarms_by_k_of_n_or_by_any_window_if_it_is_short(above, alarm):
    assert figures.alarms_in(scored(above), Debouncing(k=3, n=5)) is alarm


def test_rates_are_told_by_window_and_by_clip():
    found = figures.compute_figures(
        trial(
            [
                scored([0.1, 0.5, 0.2, 0.2], name="n1"),
                scored([0.1, 0.2, 0.2, 0.2], name="n2"),
                scored([0.9, 0.9, 0.2, 0.9], abnormal=True, name="a1"),
            ],
            k=2,
            n=4,
        )
    )
    assert (found.window_false_alarm_rate, found.window_detection_rate) == (1 / 8, 3 / 4)
    assert (found.clip_false_alarm_rate, found.clip_detection_rate) == (0, 1)
    assert (found.normal_clips, found.abnormal_clips, found.normal_windows, found.abnormal_windows) == (2, 1, 8, 4)
    assert found.window_false_alarm_rate_ci == figures.wilson(1, 8)
    assert found.rounded()["window_false_alarm_rate"] == 0.125


@given(st.integers(1, 500), st.data())
@settings(max_examples=30)
def test_wilsons_interval_is_scipys(count, data):
    hits = data.draw(st.integers(0, count))
    expected = binomtest(hits, count).proportion_ci(method="wilson")
    assert figures.wilson(hits, count) == pytest.approx(tuple(expected), abs=1e-9)


def test_wilsons_interval_is_the_published_one():
    # Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20.
    for hits, count, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)):
        assert figures.wilson(hits, count) == pytest.approx((low, high), abs=5e-5)


def test_the_interval_draws_machines_with_all_their_channels():
    machines, values = ["a", "a", "b", "c"], [0.5, 0.7, 0.9, 1.0]
    assert figures.mean_over_machines(machines, values) == pytest.approx((0.6 + 0.9 + 1.0) / 3)
    low, high = figures.bootstrap_interval(machines, values, 0)
    assert 0.6 <= low < figures.mean_over_machines(machines, values) < high <= 1.0
    assert figures.bootstrap_interval(machines, values, 0) == (low, high)
    assert figures.bootstrap_interval(["a", "a"], [0.1, 0.9], 0) is None
