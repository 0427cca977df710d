"""Building a model's ONNX graph from standard operators, node by node."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

INPUT = "features"
OUTPUT = "score"
OPSET = {"": 18, "ai.onnx.ml": 3}
"""Opset 3 of ai.onnx.ml: its TreeEnsembleRegressor is as fast as opset 5's TreeEnsemble, and known to more runtimes."""
IR_VERSION = 8
"""Of ONNX 1.12, the release that brought opset 17; every ONNX Runtime that an agent may have reads it."""


ROW_WIDTH = 16
"""Rows of a multiple of so many float32 start alike in memory, at each 64 bytes, and are added in the same order."""


def padded_width(groups: Sequence[NDArray[Any]]) -> int:
    """Return to how many places each group is padded: the order in which a row is added depends on where it starts."""
    return -(-max(map(len, groups)) // ROW_WIDTH) * ROW_WIDTH


class GraphBuilder:
    """Collects nodes and constants; the input is ``features``, shape (N, ``width``) float32."""

    def __init__(self, width: int) -> None:
        self.width = width
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def constant(self, values: NDArray[Any]) -> str:
        """Keep an array in the graph and return its name."""
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def number(self, value: float) -> str:
        """Keep one float32 in the graph and return its name."""
        return self.constant(np.array([value], np.float32))

    def pick(self, groups: Sequence[NDArray[np.int64]]) -> str:
        """Add some of the input's columns, (N, m), as in ``padded``: what pads a group repeats its first one."""
        width = padded_width(groups)
        places = np.stack([np.full(width, columns[0]) for columns in groups])
        for row, columns in zip(places, groups, strict=True):
            row[: len(columns)] = columns
        return self.add("Gather", INPUT, self.constant(places.ravel()), axis=1)

    def padded(self, groups: Sequence[NDArray[np.floating]]) -> str:
        """Keep one value for each picked column, 0 for those that pad a group to the width of the widest."""
        wide = np.zeros((len(groups), padded_width(groups)), np.float32)
        for row, values in zip(wide, groups, strict=True):
            row[: len(values)] = values
        return self.constant(wide.ravel())

    def widen(self, values: NDArray[np.floating], columns: NDArray[np.int64]) -> NDArray[np.float32]:
        """Spread rows over the input's width: row i goes to ``columns[i]``, all others are 0."""
        wide = np.zeros((self.width, *values.shape[1:]), np.float32)
        wide[columns] = values
        return wide

    def add(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node with one output and return the output's name."""
        name = f"{operator.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [name], name=name, domain=domain, **attributes))
        return name

    def add_sum(self, terms: str) -> str:
        """Add the sum of each row, (N, 1), of (N, m) terms, a few only: see ``padded_width``."""
        return self.add("ReduceSum", terms, self.constant(np.array([1], np.int64)), keepdims=1)

    def add_sums(self, terms: str, groups: int) -> str:
        """Add the sum of each group, (N, groups), of terms that stand side by side in padded groups."""
        apart = self.add("Reshape", terms, self.constant(np.array([0, groups, -1], np.int64)))
        return self.add("ReduceSum", apart, self.constant(np.array([2], np.int64)), keepdims=0)

    def finish(self, result: str) -> bytes:
        """Return the serialized model whose output ``score`` (N, 1) is ``result``."""
        last = self._nodes[-1]
        assert list(last.output) == [result], "the result is what was added last"
        last.output[:] = [OUTPUT]
        graph = helper.make_graph(
            self._nodes,
            "audiosense",
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, self.width])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, 1])],
            self._constants,
        )
        opsets = [helper.make_opsetid(domain, version) for domain, version in OPSET.items()]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="audiosense")
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())
