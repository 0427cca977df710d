"""The sandbox's model against scikit-learn."""

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest

from audiosense_collector.developer.figures import draw_figures
from audiosense_collector.developer.model import choose_windows, score_rows, train
from audiosense_collector.developer.statistics import window_statistics
from audiosense_collector.training.errors import TrainingError
from audiosense_collector.training.scorer import OnnxScorer


def _columns(count=2_000, rate=0.05):
    figures = draw_figures(np.random.default_rng(7), count, rate)
    return figures.value, figures.frequency, figures.anomalous


def test_scores_are_score_samples_of_the_same_forest_in_scikit_learn():
    value, frequency, anomalous = _columns()
    model = train(value, frequency, anomalous, window_size=20, threshold_pct=5, trees=50)
    chosen = choose_windows(value, frequency, anomalous, 20)
    forest = IsolationForest(n_estimators=50, contamination=0.05, random_state=0).fit(chosen.features)
    scores = score_rows(OnnxScorer(model.onnx), value, frequency, 20)
    expected = forest.score_samples(window_statistics(value, frequency, 20))
    assert np.isnan(scores[:19]).all()
    assert np.abs(scores[19:] - expected).max() < 1e-6
    assert model.threshold == pytest.approx(np.percentile(forest.score_samples(chosen.features), 5), abs=2e-6)
    assert model.train_windows == len(chosen.features)


def test_only_windows_without_declared_anomalies_are_trained_on():
    value, frequency, anomalous = _columns(200, 0)
    anomalous[100] = True
    chosen = choose_windows(value, frequency, anomalous, 60)
    assert (len(chosen.features), chosen.samples) == (41 + 40, 100 + 99)
    clean = [window_statistics(value[rows], frequency[rows], 60) for rows in (slice(0, 100), slice(101, 200))]
    assert np.array_equal(chosen.features, np.concatenate(clean))


def test_where_every_window_holds_an_anomaly_the_anomalies_are_taken_out():
    value, frequency, anomalous = _columns(400, 0)
    anomalous[::20] = True
    chosen = choose_windows(value, frequency, anomalous, 60)
    assert (len(chosen.features), chosen.samples) == (380 - 59, 380)
    assert "taken out" in chosen.note


def test_too_few_measurements_are_refused_with_the_remedy():
    with pytest.raises(TrainingError, match=r"holds 30 measurements .* windows of 60 need at least 79; call POST"):
        train(*_columns(30, 0), window_size=60, threshold_pct=5, trees=10)
