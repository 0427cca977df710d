"""Scores feature vectors with a bundle's ONNX graph, one thread, one session for each sensor."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiosense_common.bundle import Bundle, Manifest
from audiosense_common.errors import BundleError
from audiosense_common.features import SCHEMA_ID, column
from audiosense_common.reasons import Explainer
from audiosense_common.wire import Status


def open_session(model: bytes) -> Any:
    """Open an ONNX Runtime session that computes in the calling thread.

    Raises:
        BundleError: ONNX Runtime does not take the graph.
    """
    import onnxruntime as ort  # noqa: PLC0415 - an agent without a model does without its memory

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - ONNX Runtime raises a dozen classes of its own
        text = str(error).splitlines()[0][:200]
        raise BundleError("model", f"ONNX Runtime does not take the bundle's model: {text}") from None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a model says of one window."""

    score: float | None
    status: Status


class Detector:
    """A loaded model of one sensor; ``explainer`` tells how a window differs from the model's baseline."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.digest = bundle.digest
        self._session = open_session(bundle.model)
        self._input = self._session.get_inputs()[0].name
        self._columns = np.array([column(SCHEMA_ID, need.name) for need in self.manifest.features])
        self._level = column(SCHEMA_ID, "rms_dbfs")
        self.explainer = Explainer.of(bundle.manifest)

    @property
    def manifest(self) -> Manifest:
        """What the bundle says of itself."""
        return self.bundle.manifest

    def score_matrix(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score (windows, features of the model) float32; returns (windows,) float32."""
        (scores,) = self._session.run(None, {self._input: features})
        return np.asarray(scores, dtype=np.float32).reshape(-1)

    def judge(self, vector: NDArray[np.float16]) -> Verdict:
        """Score one feature vector of the agent's schema, (d,) float16.

        A window below the manifest's running level is ``stopped``, whatever its score.
        """
        selected = vector[self._columns].astype(np.float32)[np.newaxis, :]
        score = float(self.score_matrix(selected)[0])
        if not 0 <= score <= 1:
            return Verdict(None, Status.INVALID)
        running = self.manifest.running_level_dbfs
        if running is not None and float(vector[self._level]) < running:
            return Verdict(score, Status.STOPPED)
        anomalous = score >= self.manifest.threshold.value
        return Verdict(score, Status.ANOMALOUS if anomalous else Status.NORMAL)
