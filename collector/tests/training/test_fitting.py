import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiosense_collector.training import fitting
from audiosense_collector.training.detectors import Detector, Member, forest_of
from audiosense_collector.training.errors import MIN_WINDOWS, TrainingError
from audiosense_collector.training.fitting import SPREAD_FLOOR, debounce
from audiosense_collector.training.settings import FitSettings
from audiosense_collector.training.statistics import Deviation, Isolation, Mahalanobis
from audiosense_common.bundle import Debouncing

NAMES = tuple(f"feature_{place}" for place in range(8))
FUSED = Detector("fused", (Member(Isolation.fit, NAMES[:5]), Member(Deviation.fit, NAMES[2:])), margin=0.03)
DETECTORS = [forest_of(NAMES), FUSED, Detector("distance", (Member(Mahalanobis.fit, NAMES),), margin=0.03)]
each_detector = pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.name)


def fit(windows, detector=DETECTORS[0], debouncing=None, **settings):
    """Fit with forests of a fifth of the trees: what is shown does not hang on their number."""
    named = {} if debouncing is None else {"debouncing": debouncing}
    return fitting.fit(detector, windows, FitSettings(**{"trees": 20} | settings), **named)


def steady(windows=200, features=8, seed=0):
    return np.random.default_rng(seed).normal(size=(windows, features)).astype(np.float32)


@each_detector
def test_new_windows_of_a_steady_machine_open_no_event_and_strange_ones_do(detector):
    fitted = fit(steady(), detector=detector)
    new = fitted.detector.score(steady(2_000, seed=1))
    strange = fitted.detector.score(steady(100, seed=2) + 6)
    assert np.mean(debounce(new, Debouncing()) >= fitted.threshold.value) < 0.001
    assert np.all(debounce(strange, Debouncing()) >= fitted.threshold.value)


@each_detector
def test_held_out_scores_are_higher_than_those_of_windows_fitted_on(detector):
    fitted = fit(steady(60), detector=detector)
    assert fitted.evaluation["held_out_median"] > fitted.evaluation["fitted_median"]
    assert len(fitted.held_out) == 60


def test_rare_single_windows_do_not_raise_the_threshold():
    windows = steady()
    plain = fit(windows).threshold.value
    windows[::25] += 8
    assert fit(windows).threshold.value < plain
    assert fit(windows, debouncing=Debouncing(k=1, n=1)).threshold.value > plain + 0.1


def test_the_evaluation_says_what_the_threshold_would_do_to_the_baseline():
    fitted = fit(steady(), percentile=80, margin=0)
    assert fitted.evaluation["held_out_debounced_share_above"] == pytest.approx(0.2, abs=0.02)
    assert fitted.evaluation["held_out_max"] == fitted.held_out.max()
    assert fitted.evaluation["windows"] == 200


@pytest.mark.parametrize("detector", DETECTORS[:2], ids=lambda detector: detector.name)
def test_the_same_seed_gives_the_same_scores_and_another_seed_others(detector):
    first, again, other = (fit(steady(), detector=detector, seed=seed) for seed in (1, 1, 2))
    assert first.threshold == again.threshold
    assert first.held_out.tobytes() == again.held_out.tobytes()
    assert first.held_out.tobytes() != other.held_out.tobytes()


def test_location_and_spread_are_robust_and_a_constant_feature_keeps_a_floor():
    windows = steady(1_000)
    windows[:, 0] = 3
    windows[:50, 1] = 1e6
    fitted = fit(windows)
    assert fitted.location[0] == 3
    assert fitted.spread[0] == SPREAD_FLOOR
    assert fitted.location[1] == pytest.approx(0, abs=0.2)
    assert fitted.spread[1] == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize(
    ("windows", "message"),
    [
        (steady(MIN_WINDOWS - 1), "has 19 windows, at least 20"),
        (np.ones((50, 3), np.float32), "all 50 windows of the baseline are equal"),
        (np.where(np.arange(50)[:, None] == 7, np.nan, steady(50)), "1 windows .* not finite, the first is number 7"),
        (np.where(np.arange(50)[:, None] == 7, np.inf, steady(50)), "not finite"),
        (steady(50)[:, 0], "shape"),
        (steady(50)[:, :0], "shape"),
    ],
)
def test_a_baseline_without_a_model_in_it_is_refused_with_the_reason(windows, message):
    with pytest.raises(TrainingError, match=message):
        fit(windows)


@pytest.mark.parametrize(
    "setting", [{"trees": 0}, {"samples": 1}, {"folds": 1}, {"percentile": 101}, {"margin": -0.1}, {"margin": 0.6}]
)
def test_a_setting_out_of_range_is_named(setting):
    (name,) = setting
    with pytest.raises(TrainingError, match=name):
        FitSettings(**setting)


@given(
    st.lists(st.floats(0, 1), min_size=5, max_size=60),
    st.integers(1, 5).flatmap(lambda n: st.tuples(st.integers(1, n), st.just(n))),
    st.floats(0, 1),
)
def test_a_debounced_score_reaches_a_threshold_exactly_where_k_of_n_windows_do(scores, rule, threshold):
    k, n = rule
    debounced = debounce(np.array(scores), Debouncing(k=k, n=n))
    counts = [sum(score >= threshold for score in scores[end - n : end]) for end in range(n, len(scores) + 1)]
    assert [count >= k for count in counts] == list(debounced >= threshold)
