import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.ensemble import IsolationForest
from sklearn.ensemble._iforest import _average_path_length

from audiosense_collector.training.export import average_path_length, export_forest, floor_float32
from audiosense_collector.training.scorer import OnnxScorer
from audiosense_common.onnx_guard import check_graph

MAX = np.finfo(np.float32).max
TINY = np.finfo(np.float32).smallest_subnormal
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
MODEST = st.floats(-1e6, 1e6, width=32)
TIED = st.sampled_from([np.float32(value) for value in (-1, 0, 1, np.nextafter(np.float32(1), np.float32(2)))])
CLOSE = st.integers(0, 30).map(lambda steps: np.float32(1) + np.float32(steps * np.finfo(np.float32).eps))


def difference(forest, rows):
    scores = OnnxScorer(export_forest(forest))(rows)
    assert scores.min() >= 0
    assert scores.max() <= 1
    return np.abs(scores + forest.score_samples(rows)).max()


def around_thresholds(forest, rows):
    """Rows that stand exactly on each threshold of the forest, rounded down and up, one feature at a time."""
    cases = []
    for estimator, features in zip(forest.estimators_, forest.estimators_features_, strict=True):
        inner = estimator.tree_.feature >= 0
        for feature, threshold in zip(
            features[estimator.tree_.feature[inner]], estimator.tree_.threshold[inner], strict=True
        ):
            below = floor_float32(np.array([threshold]))[0]
            for value in (below, np.nextafter(below, MAX), np.nextafter(below, -MAX)):
                row = rows[len(cases) % len(rows)].copy()
                row[feature] = value
                cases.append(row)
    return np.array(cases) if cases else rows


@settings(deadline=None, max_examples=40)
@given(
    data=st.data(),
    elements=st.sampled_from([MODEST, TIED, CLOSE]),
    settings=st.fixed_dictionaries(
        {
            "n_estimators": st.integers(1, 30),
            "max_samples": st.integers(1, 40),
            "max_features": st.sampled_from([1.0, 0.5]),
            "random_state": st.integers(0, 2**31),
        }
    ),
)
def test_scores_agree_with_scikit_learn_and_branches_agree_at_every_threshold(data, elements, settings):
    shape = data.draw(st.tuples(st.integers(settings["max_samples"], 60), st.integers(1, 6)))
    rows = data.draw(arrays(np.float32, shape, elements=elements))
    forest = IsolationForest(**settings).fit(rows)
    assert difference(forest, rows) <= 1e-6
    assert difference(forest, around_thresholds(forest, rows)) <= 1e-6
    anything = data.draw(arrays(np.float32, (20, shape[1]), elements=FLOATS))
    assert difference(forest, anything) <= 1e-6


@pytest.mark.parametrize("trees", [1, 100, 500])
def test_scores_agree_over_ten_thousand_windows(trees):
    random = np.random.default_rng(trees)
    forest = IsolationForest(n_estimators=trees, random_state=0).fit(random.normal(size=(700, 64)).astype(np.float32))
    assert difference(forest, random.normal(scale=2, size=(10_000, 64)).astype(np.float32)) <= 1e-6


def test_thresholds_at_the_ends_of_float32_and_among_subnormals_take_the_same_branches():
    random = np.random.default_rng(0)
    rows = random.normal(size=(64, 3)).astype(np.float32)
    forest = IsolationForest(n_estimators=20, random_state=0).fit(rows)
    ends = [
        float(MAX),
        -float(MAX),
        2 * float(MAX),
        -2 * float(MAX),
        float(TINY),
        TINY / 2,
        -TINY / 2,
        0.0,
        -0.0,
        1e-320,
    ]
    moved = 0
    for estimator in forest.estimators_:
        inner = np.flatnonzero(estimator.tree_.feature >= 0)
        for place, node in enumerate(inner):
            estimator.tree_.threshold[node] = ends[place % len(ends)]
            moved += 1
    assert moved > 200
    corners = np.array([MAX, -MAX, TINY, -TINY, 2 * TINY, 0, -0.0, 1], np.float32)
    assert difference(forest, np.stack(np.meshgrid(corners, corners, corners), -1).reshape(-1, 3)) <= 1e-6


@given(st.floats(allow_nan=False), st.floats(width=32, allow_nan=False))
def test_a_threshold_rounded_down_keeps_every_float32_comparison(threshold, value):
    rounded = floor_float32(np.array([threshold]))[0]
    with np.errstate(over="ignore"):
        above = np.nextafter(rounded, np.float32(np.inf))
    for candidate in (np.float32(value), rounded, above):
        assert (candidate <= rounded) == (float(candidate) <= threshold)


def test_average_path_length_is_that_of_scikit_learn():
    samples = np.arange(1, 3_000)
    np.testing.assert_allclose(average_path_length(samples), _average_path_length(samples), rtol=1e-14)


@pytest.mark.parametrize("rows", [np.ones((30, 4), np.float32), np.ones((1, 2), np.float32)])
def test_a_forest_of_single_leaves_gives_the_constant_of_scikit_learn(rows):
    forest = IsolationForest(n_estimators=10, random_state=0).fit(rows)
    assert {estimator.tree_.node_count for estimator in forest.estimators_} == {1}
    assert difference(forest, rows) <= 1e-6


def test_the_graph_is_one_ensemble_with_the_contract_s_names_and_passes_the_guard():
    forest = IsolationForest(n_estimators=10, random_state=0).fit(np.random.default_rng(0).normal(size=(50, 3)))
    content = export_forest(forest)
    check_graph(content)
    model = onnx.load_model_from_string(content)
    onnx.checker.check_model(model)
    assert [node.op_type for node in model.graph.node] == ["TreeEnsembleRegressor", "Mul", "Pow"]
    assert [value.name for value in model.graph.input] == ["features"]
    assert [value.name for value in model.graph.output] == ["score"]
    assert export_forest(forest) == content


def test_a_row_s_score_does_not_depend_on_the_rows_beside_it():
    random = np.random.default_rng(0)
    forest = IsolationForest(n_estimators=100, random_state=0).fit(random.normal(size=(300, 8)))
    scorer = OnnxScorer(export_forest(forest))
    rows = random.normal(size=(500, 8)).astype(np.float32)
    alone = np.concatenate([scorer(row[None]) for row in rows])
    assert scorer(rows).tobytes() == alone.tobytes()
    assert scorer(rows[:37]).tobytes() == alone[:37].tobytes()
