import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.covariance import LedoitWolf

from audiosense_collector.training.detectors import DETECTORS, Fusion, find_detector
from audiosense_collector.training.errors import TrainingError
from audiosense_collector.training.fitting import fit
from audiosense_collector.training.scorer import OnnxScorer
from audiosense_collector.training.settings import DETECTOR_NAMES, FitSettings
from audiosense_collector.training.statistics import RIDGE, Deviation, Mahalanobis
from audiosense_common.features import FEATURES
from audiosense_common.onnx_guard import check_graph

WIDTH = max(len(detector.features) for detector in DETECTORS.values())
FITTED = {}


def windows(count=60, width=WIDTH, seed=0):
    rows = np.random.default_rng(seed).normal(scale=3, size=(count, width))
    return rows.astype(np.float16).astype(np.float32)


def fitted(name):
    if name not in FITTED:
        detector = find_detector(name)
        FITTED[name] = fit(detector, windows(width=len(detector.features)), FitSettings(trees=10)).detector
    return FITTED[name]


each_detector = pytest.mark.parametrize("name", DETECTORS)
float16 = st.floats(width=16, allow_nan=False, allow_infinity=False)


@each_detector
@settings(deadline=None)
@given(rows=arrays(np.float16, (3, WIDTH), elements=float16))
def test_the_graph_gives_the_detector_s_score_for_every_finite_vector(name, rows):
    detector = fitted(name)
    rows = rows[:, : len(detector.detector.features)].astype(np.float32)
    found = OnnxScorer(detector.export())(rows)
    assert np.all((found >= 0) & (found <= 1))
    np.testing.assert_allclose(found, detector.score(rows), atol=1e-6, rtol=0)


@each_detector
def test_a_score_does_not_depend_on_the_rows_beside_it(name):
    detector = fitted(name)
    rows = windows(40, len(detector.detector.features), seed=1)
    scorer = OnnxScorer(detector.export())
    assert scorer(rows).tobytes() == np.concatenate([scorer(row[np.newaxis]) for row in rows]).tobytes()


@each_detector
def test_the_graph_passes_the_agents_guard_and_is_the_same_each_time(name):
    graph = fitted(name).export()
    check_graph(graph)
    assert fitted(name).export() == graph


@each_detector
def test_what_moves_away_from_the_baseline_scores_higher_the_farther_it_goes(name):
    detector = fitted(name)
    rows = windows(50, len(detector.detector.features), seed=2)
    medians = [np.median(detector.score(rows + shift)) for shift in (0, 5, 15)]
    assert medians == sorted(medians)
    assert medians[2] > medians[0] + 0.1


@each_detector
def test_detectors_need_known_features_each_once(name):
    names = find_detector(name).features
    assert len(set(names)) == len(names)
    assert set(names) <= set(FEATURES)


def test_a_shift_of_one_robust_standard_deviation_in_each_feature_is_a_deviation_of_one_half():
    rows = windows(2_001, 6)
    statistic = Deviation.fit(rows, FitSettings())
    moved = (statistic.location + statistic.spread)[np.newaxis]
    assert statistic(moved) == pytest.approx(0.5)
    assert statistic.spread == pytest.approx(3, rel=0.1)


def test_a_distance_is_that_of_the_shrunk_covariance():
    rows = windows(100, 5) @ np.random.default_rng(3).normal(size=(5, 5)).astype(np.float32)
    centre, spread = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64)
    covariance = LedoitWolf(assume_centered=True).fit((rows - centre) / spread).covariance_ + RIDGE * np.eye(5)
    scaled = (windows(20, 5, seed=4) - centre) / spread
    expected = np.sqrt(np.einsum("ni,ij,nj->n", scaled, np.linalg.inv(covariance), scaled) / 5)
    found = Mahalanobis.fit(rows, FitSettings())(windows(20, 5, seed=4))
    np.testing.assert_allclose(found, expected / (1 + expected), rtol=1e-4)


def test_features_that_stand_still_break_no_detector():
    rows = windows(60, 6)
    rows[:, 2] = 0
    moved = rows.copy()
    moved[:, 2] = 0.01
    statistic = Mahalanobis.fit(rows, FitSettings())
    np.testing.assert_allclose(statistic(moved), statistic(rows), rtol=0.05)


def test_fusion_weighs_standard_scores_and_centres_them_at_one_half():
    held_out = np.random.default_rng(0).normal(size=(5_000, 2)) * [0.02, 0.1] + [0.4, 0.5]
    fusion = Fusion.fit(held_out, np.array([3.0, 1.0]))
    assert fusion.score(np.array([[0.4, 0.5]])) == pytest.approx(0.5, abs=1e-2)
    up_first, up_second = fusion.score(np.array([[0.42, 0.5], [0.4, 0.6]]))
    logit = np.log([up_first / (1 - up_first), up_second / (1 - up_second)])
    assert logit * 8 == pytest.approx([0.75, 0.25], abs=0.05)


def test_every_name_that_settings_take_is_a_detector():
    assert set(DETECTORS) == set(DETECTOR_NAMES)


def test_a_detector_that_does_not_exist_is_named_with_those_that_do():
    with pytest.raises(TrainingError, match=r"no detector 'forrest'; choose one of ensemble, isolation_forest"):
        find_detector("forrest")
