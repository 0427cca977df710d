"""Scores feature vectors with a bundle's ONNX graph, one thread, one session for each sensor."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiosense_agent.deadline import Deadline
from audiosense_common.bundle import Bundle, Manifest
from audiosense_common.errors import BundleError
from audiosense_common.features import SCHEMA_ID, column, level_dbfs
from audiosense_common.reasons import Explainer
from audiosense_common.running import Phase, RunningRule
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
    with _refusals():
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 - ONNX Runtime raises a dozen classes of its own
        text = str(error).splitlines()[0][:200]
        raise BundleError("model", f"ONNX Runtime does not take the bundle's model: {text}") from None


class OneRow:
    """Scores one row at a time in memory that is bound once: a third of the time that binding it each time takes."""

    def __init__(self, session: Any, width: int, deadline: Deadline | None = None) -> None:
        import onnxruntime as ort  # noqa: PLC0415 - as above

        self._session = session
        self._row = np.zeros((1, width), np.float32)
        self._score = np.zeros((1, 1), np.float32)
        # On the processor an OrtValue does not copy: it lies in the array itself.
        self._values = [ort.OrtValue.ortvalue_from_numpy(array) for array in (self._row, self._score)]
        self._binding = session.io_binding()
        self._binding.bind_ortvalue_input(session.get_inputs()[0].name, self._values[0])
        self._binding.bind_ortvalue_output(session.get_outputs()[0].name, self._values[1])
        with _refusals():
            session.run_with_iobinding(self._binding, None if deadline is None else deadline.options)

    def __call__(self, row: NDArray[np.float32], deadline: Deadline | None = None) -> float:
        """Return the score of a row (1, features)."""
        self._row[:] = row
        self._session.run_with_iobinding(self._binding, None if deadline is None else deadline.options)
        return self._score.item()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a model says of one window."""

    score: float | None
    status: Status


class Detector:
    """A loaded model of one sensor; ``explainer`` tells how a window differs from the model's baseline.

    Raises:
        BundleError: ONNX Runtime does not take the graph, or its first run went beyond the ``deadline``.
    """

    def __init__(self, bundle: Bundle, deadline: Deadline | None = None) -> None:
        self.bundle = bundle
        self.digest = bundle.digest
        self._session = open_session(bundle.model)
        self._input = self._session.get_inputs()[0].name
        self._outputs = [self._session.get_outputs()[0].name]
        self._one = OneRow(self._session, len(bundle.manifest.features), deadline)
        self._columns = np.array([column(SCHEMA_ID, need.name) for need in self.manifest.features])
        self.explainer = Explainer.of(bundle.manifest)

    @property
    def manifest(self) -> Manifest:
        """What the bundle says of itself."""
        return self.bundle.manifest

    def score_matrix(self, features: NDArray[np.float32], deadline: Deadline | None = None) -> NDArray[np.float32]:
        """Score (windows, features of the model) float32; returns (windows,) float32.

        Raises:
            BundleError: ONNX Runtime fails on them, or the ``deadline`` has passed.
        """
        with _refusals():
            options = None if deadline is None else deadline.options
            (scores,) = self._session.run(self._outputs, {self._input: features}, options)
        return np.asarray(scores, dtype=np.float32).reshape(-1)

    def running_rule(self) -> RunningRule | None:
        """When the machine runs, None if the manifest does not say."""
        level = self.manifest.running_level_dbfs
        return None if level is None else self.manifest.running.rule(level)

    def judge(
        self, vector: NDArray[np.float16], phase: Phase | None = None, deadline: Deadline | None = None
    ) -> Verdict:
        """Score one feature vector of the agent's schema, (d,) float16.

        Args:
            vector: of the window.
            phase: what a gate says of the machine, by this window and those before it; without, the window is judged
                by its own level alone. A stopped machine is ``stopped``, whatever its score; one that starts or slows
                down is ``stopped`` where it would be anomalous.
            deadline: when to break off.
        """
        selected = vector[self._columns].astype(np.float32)[np.newaxis, :]
        score = self._one(selected, deadline)
        if not 0 <= score <= 1:
            return Verdict(None, Status.INVALID)
        if phase is None:
            phase = self._phase(vector)
        anomalous = score >= self.manifest.threshold.value
        if phase is Phase.STOPPED or (phase is Phase.CHANGING and anomalous):
            return Verdict(score, Status.STOPPED)
        return Verdict(score, Status.ANOMALOUS if anomalous else Status.NORMAL)

    def _phase(self, vector: NDArray[np.float16]) -> Phase:
        running = self.manifest.running_level_dbfs
        return Phase.STOPPED if running is not None and level_dbfs(vector) < running else Phase.RUNNING
