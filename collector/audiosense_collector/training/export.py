"""ONNX export of an isolation forest as one fused TreeEnsembleRegressor."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skl2onnx import convert_sklearn, update_registered_converter
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import IsolationForest

from audiosense_collector.training.graph import INPUT, OPSET, OUTPUT

_ALIAS = "AudioSenseFusedIsolationForest"
_LEAF = -1


def export_forest(forest: IsolationForest) -> bytes:
    """Export a fitted forest with input ``features`` (N, features) float32 and output ``score`` (N, 1) float32.

    The score is s(x, n) = 2^(-E[h(x)] / c(n)) of Liu, Ting and Zhou, "Isolation Forest" (2008), in [0, 1], and equals
    ``-forest.score_samples`` within 1e-6 for every finite float32 input: each tree takes the same branches.
    """
    _register()
    model = convert_sklearn(
        forest,
        name="audiosense",
        initial_types=[(INPUT, FloatTensorType([None, forest.n_features_in_]))],
        target_opset=OPSET,
    )
    return bytes(model.SerializeToString())


def floor_float32(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Round down to the nearest float32, so that ``x <= value`` keeps its truth for every float32 ``x``."""
    with np.errstate(over="ignore", under="ignore"):
        nearest = values.astype(np.float32)
        below = np.nextafter(nearest, np.float32(-np.inf))
    return np.where(nearest.astype(np.float64) > values, below, nearest).astype(np.float32)


def average_path_length(samples: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """Mean depth c(n) of an isolation tree grown on n samples: equation 1 of Liu et al. 2008, with c(2) = 1."""
    n = np.asarray(samples, dtype=np.float64)
    many = np.maximum(n, 3)
    harmonic = np.log(many - 1) + np.euler_gamma
    return np.where(n <= 1, 0.0, np.where(n == 2, 1.0, 2 * harmonic - 2 * (many - 1) / many))  # noqa: PLR2004 - c(2) = 1


@cache
def _register() -> None:
    update_registered_converter(IsolationForest, _ALIAS, _set_shape, _convert, parser=_parse)


def _parse(scope: Any, model: IsolationForest, inputs: list[Any], custom_parsers: Any = None) -> list[Any]:
    del custom_parsers
    operator = scope.declare_local_operator(_ALIAS, model)
    operator.inputs = inputs
    operator.outputs.append(scope.declare_local_variable(OUTPUT, FloatTensorType()))
    return list(operator.outputs)


def _set_shape(operator: Any) -> None:
    operator.outputs[0].type = FloatTensorType([operator.inputs[0].get_first_dimension(), 1])


def _convert(scope: Any, operator: Any, container: Any) -> None:
    forest = operator.raw_operator
    total, exponent = scope.get_unique_variable_name("path_length"), scope.get_unique_variable_name("exponent")
    factor, two = scope.get_unique_variable_name("factor"), scope.get_unique_variable_name("two")
    container.add_node(
        "TreeEnsembleRegressor",
        operator.inputs[0].full_name,
        total,
        op_domain="ai.onnx.ml",
        op_version=OPSET["ai.onnx.ml"],
        name="forest",
        **forest_attributes(forest),
    )
    float32 = 1  # TensorProto.FLOAT
    container.add_initializer(factor, float32, [1], [-1.0 / path_length_scale(forest)])
    container.add_initializer(two, float32, [1], [2.0])
    container.add_node("Mul", [total, factor], exponent, op_version=14, name="normalise")
    container.add_node("Pow", [two, exponent], operator.outputs[0].full_name, op_version=15, name="anomaly")


def path_length_scale(forest: IsolationForest) -> float:
    """Return what path lengths are divided by: trees times c(max_samples).

    A forest of one sample has c = 0 and the constant score 1/2, as in scikit-learn.
    """
    return len(forest.estimators_) * (_sample_path_length(forest) or 1.0)


def _sample_path_length(forest: IsolationForest) -> float:
    return float(average_path_length(np.array(forest.max_samples_)))


def forest_attributes(forest: IsolationForest, columns: NDArray[np.int64] | None = None) -> dict[str, Any]:
    """Return the attributes of a TreeEnsembleRegressor that sums depth + c(samples) of the leaf of every tree.

    ``columns`` are the places of the forest's features in the graph's input, without it they are its first ones.
    """
    constant = None if _sample_path_length(forest) else 1.0
    trees = [
        _tree(number, estimator.tree_, features if columns is None else columns[features], constant)
        for number, (estimator, features) in enumerate(
            zip(forest.estimators_, forest.estimators_features_, strict=True)
        )
    ]
    lists = {name: np.concatenate([tree[name] for tree in trees]).tolist() for name in trees[0]}
    modes = ["LEAF" if leaf else "BRANCH_LEQ" for leaf in lists.pop("leaf")]
    return {
        **lists,
        "nodes_modes": modes,
        "target_ids": [0] * len(lists["target_nodeids"]),
        "n_targets": 1,
        "aggregate_function": "SUM",
        "post_transform": "NONE",
    }


def _tree(number: int, tree: Any, features: NDArray[np.int64], constant: float | None) -> dict[str, NDArray[Any]]:
    leaf = tree.children_left == _LEAF
    leaves = np.flatnonzero(leaf)
    depth = tree.compute_node_depths()[leaves] - 1
    weight = depth + average_path_length(tree.n_node_samples[leaves])
    if constant is not None:
        weight = np.full(len(leaves), constant)
    return {
        "leaf": leaf,
        "nodes_treeids": np.full(tree.node_count, number),
        "nodes_nodeids": np.arange(tree.node_count),
        "nodes_featureids": np.where(leaf, 0, features[np.where(leaf, 0, tree.feature)]),
        "nodes_values": np.where(leaf, np.float32(0), floor_float32(tree.threshold)),
        "nodes_truenodeids": np.where(leaf, 0, tree.children_left),
        "nodes_falsenodeids": np.where(leaf, 0, tree.children_right),
        "target_treeids": np.full(len(leaves), number),
        "target_nodeids": leaves,
        "target_weights": weight.astype(np.float32),
    }
