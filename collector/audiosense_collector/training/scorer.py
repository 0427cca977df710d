"""Scoring many windows in one run of ONNX Runtime."""

import functools
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from audiosense_common.errors import BundleError

_ERRORS_ONLY = 3


@functools.cache
def _runtime() -> tuple[ModuleType, tuple[type[Exception], ...]]:
    """Return ONNX Runtime, which is imported with the first model, and its errors."""
    import onnxruntime  # noqa: PLC0415 - most processes have no model to run
    from onnxruntime.capi import onnxruntime_pybind11_state as state  # noqa: PLC0415

    kinds = vars(state).values()
    return onnxruntime, tuple(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Exception))


class OnnxScorer:
    """A model loaded once, scoring on the calling thread; fits ``audiosense_common.bundle.Scorer``.

    A row's score does not depend on the rows beside it, bit for bit.
    """

    def __init__(self, model: bytes) -> None:
        """Load an ONNX graph with input ``features`` (N, features) and output ``score`` (N, 1), both float32.

        Raises:
            BundleError: reason ``graph``; ONNX Runtime cannot load it, or it has other inputs or outputs.
        """
        ort, self._errors = _runtime()
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS_ONLY
        try:
            self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except self._errors as error:
            raise BundleError("graph", f"ONNX Runtime cannot load the model: {_line(error)}; train it again") from None
        inputs = [(node.name, node.type) for node in self._session.get_inputs()]
        outputs = [(node.name, node.type) for node in self._session.get_outputs()]
        if inputs != [("features", "tensor(float)")] or outputs != [("score", "tensor(float)")]:
            raise BundleError(
                "graph",
                f"the model takes {inputs} and gives {outputs}, expected features and score as float; train it again",
            )

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score (N, features) windows and return (N,) scores.

        Raises:
            BundleError: reason ``graph``; the matrix does not fit the model.
        """
        try:
            (score,) = self._session.run(["score"], {"features": np.ascontiguousarray(features, dtype=np.float32)})
        except self._errors as error:
            raise BundleError(
                "graph", f"the model cannot score windows of shape {features.shape}: {_line(error)}"
            ) from None
        return np.asarray(score, dtype=np.float32).reshape(-1)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
