"""The guard of common, on graphs that the onnx package and the exporter write."""

import io

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data
from sklearn.ensemble import IsolationForest

from audiosense_collector.training.export import export_forest
from audiosense_common.errors import BundleError
from audiosense_common.onnx_guard import check_graph

REASONS = {None, "graph", "custom_operator", "external_data"}
FLOAT = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])]
OUT = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])]


def reason(content):
    try:
        check_graph(content)
    except BundleError as error:
        return error.reason
    return None


def external(name="w"):
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), name)
    set_external_data(tensor, "weights.bin")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    return tensor


def model(nodes, initializers=(), domains=("",), **extra):
    graph = helper.make_graph(nodes, "g", FLOAT, OUT, list(initializers))
    for tensor in extra.pop("sparse", ()):
        graph.sparse_initializer.append(tensor)
    opsets = [helper.make_opsetid(domain, 18) for domain in domains]
    return helper.make_model(graph, opset_imports=opsets, **extra).SerializeToString()


def subgraph(tensor):
    body = helper.make_graph([helper.make_node("Identity", ["w"], ["y"])], "body", [], OUT, [tensor])
    return helper.make_node("If", ["x"], ["y"], then_branch=body, else_branch=body)


def sparse(values):
    return helper.make_sparse_tensor(values, numpy_helper.from_array(np.arange(4), "i"), [4])


IDENTITY = helper.make_node("Identity", ["x"], ["y"])
FUNCTION = helper.make_function("ai.onnx", "Own", ["x"], ["y"], [IDENTITY], [helper.make_opsetid("", 18)])


@pytest.mark.parametrize(
    ("expected", "content"),
    [
        (None, model([IDENTITY])),
        (None, model([IDENTITY], domains=("ai.onnx", "ai.onnx.ml"))),
        (None, model([subgraph(numpy_helper.from_array(np.zeros(4, np.float32), "w"))])),
        ("external_data", model([IDENTITY], [external()])),
        ("external_data", model([helper.make_node("Constant", [], ["y"], value=external())])),
        ("external_data", model([subgraph(external())])),
        ("external_data", model([IDENTITY], sparse=[sparse(external())])),
        ("external_data", model([helper.make_node("Constant", [], ["y"], sparse_value=sparse(external()))])),
        ("custom_operator", model([helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")])),
        ("custom_operator", model([IDENTITY], domains=("", "com.example"))),
        ("custom_operator", model([IDENTITY], functions=[FUNCTION])),
    ],
)
def test_graphs_written_by_the_onnx_package_are_judged_by_what_they_hold(expected, content):
    assert reason(content) == expected


def forest(max_samples=8):
    rows = np.random.default_rng(0).normal(size=(50, 3))
    return export_forest(IsolationForest(n_estimators=3, max_samples=max_samples, random_state=0).fit(rows))


EXPORTED = forest()


@given(st.data())
def test_mutated_exports_raise_nothing_but_bundle_errors(data):
    content = bytearray(EXPORTED)
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    low, high = sorted(data.draw(st.tuples(*[st.integers(0, len(content))] * 2)))
    if data.draw(st.booleans()):
        del content[low:high]
    assert reason(bytes(content)) in REASONS


def test_no_prefix_of_an_export_gets_past_the_guard_as_another_model():
    passed = [end for end in range(len(EXPORTED)) if reason(EXPORTED[:end]) is None]
    for end in passed:
        onnx.load_model_from_string(EXPORTED[:end])
    assert len(passed) < 20


def test_what_the_guard_cannot_read_the_onnx_package_cannot_read_either():
    content = io.BytesIO(EXPORTED).read()
    for cut in (1, 7, len(content) // 2):
        assert reason(content[:-cut]) == "graph"
