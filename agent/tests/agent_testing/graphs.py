"""Bundles of real ONNX graphs that do one thing for golden vectors, which are zeros, and another for real windows."""

import functools
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from agent_testing.bundles import KEY, make_bundle
from audiosense_common.bundle import dump_golden, file_entry, sign_bundle

GOOD, ENDLESS = 0.3, 10**12
WIDTH_NAME = "features"


@dataclass(frozen=True)
class Live:
    """What a graph does with a real window: the score it gives, the turns of a loop it makes, the index it reads."""

    score: float = GOOD
    turns: int = 0
    index: int = 0
    golden_turns: int = 0


def resign(bundle, *, model=None, golden=None, key=KEY, **changes):
    """Sign a bundle again, with some of the manifest or of its files changed."""
    model, golden = model or bundle.model, golden or bundle.golden
    files = dict(bundle.manifest.files) | {"model.onnx": file_entry(model), "golden.npz": file_entry(golden)}
    manifest = bundle.manifest.model_copy(update={"files": files} | changes)
    return sign_bundle(manifest, model, golden, key.private)


def bundle_of(live, sensor_id, version=1):
    """A signed bundle of a graph that passes all checks before it is on probation, unless ``live`` says otherwise."""
    usual = make_bundle(sensor_id)
    width = len(usual.manifest.features)
    golden = dump_golden(np.zeros((4, width), np.float16), np.full(4, GOOD, np.float32))
    return resign(usual, model=graph(live, width), golden=golden, bundle_version=version)


@functools.cache
def graph(live, width):
    """An ONNX graph: one value for rows of zeros, another for all others."""
    made = helper.make_graph(
        [
            helper.make_node("Abs", ["features"], ["size"]),
            helper.make_node("ReduceMax", ["size"], ["largest"], axes=[1], keepdims=1),
            helper.make_node("Greater", ["largest", "zero"], ["is_live"]),
            helper.make_node("ReduceMax", ["largest"], ["most"], keepdims=0),
            helper.make_node("Greater", ["most", "zero"], ["any_live"]),
            helper.make_node("Where", ["any_live", "live_turns", "golden_turns"], ["turns"]),
            helper.make_node("Loop", ["turns", "always", "largest"], ["turned"], body=_body()),
            helper.make_node("Where", ["any_live", "live_index", "golden_index"], ["index"]),
            helper.make_node("Gather", ["values", "index"], ["value"]),
            helper.make_node("Where", ["is_live", "value", "good"], ["plain"]),
            helper.make_node("Mul", ["turned", "zero"], ["nothing"]),
            helper.make_node("Add", ["plain", "nothing"], ["score"]),
        ],
        "graph",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])],
        [
            numpy_helper.from_array(np.asarray(value, kind), name)
            for name, value, kind in (
                ("zero", 0, np.float32),
                ("good", GOOD, np.float32),
                ("values", [live.score], np.float32),
                ("live_turns", live.turns, np.int64),
                ("golden_turns", live.golden_turns, np.int64),
                ("live_index", live.index, np.int64),
                ("golden_index", 0, np.int64),
                ("always", True, np.bool_),
            )
        ],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return model.SerializeToString()


def _body():
    info, boolean, number = helper.make_tensor_value_info, TensorProto.BOOL, TensorProto.FLOAT
    return helper.make_graph(
        [helper.make_node("Identity", ["go"], ["goes_on"]), helper.make_node("Sin", ["now"], ["next"])],
        "body",
        [info("turn", TensorProto.INT64, []), info("go", boolean, []), info("now", number, None)],
        [info("goes_on", boolean, []), info("next", number, None)],
    )


def unusual(bundle, **changes):
    """The bundle with its ONNX model edited: ``external`` data, or a node of another ``domain``."""
    import onnx  # noqa: PLC0415 - only two of the cases need it

    model = onnx.ModelProto.FromString(bundle.model)
    if changes.get("external"):
        tensor = model.graph.initializer[0]
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="/etc/passwd")
    if changes.get("domain"):
        model.graph.node[0].domain = changes["domain"]
        model.opset_import.add(domain=changes["domain"], version=1)
    return resign(bundle, model=model.SerializeToString())
