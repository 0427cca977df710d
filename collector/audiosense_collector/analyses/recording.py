"""Analysing a recording: checks, windows, features, scores. Pure work for a thread."""

from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from audiosense_collector.training.scorer import OnnxScorer
from audiosense_common.audio import Finding, Recording, inspect, read_recording, resample
from audiosense_common.errors import AudioError
from audiosense_common.features import (
    FEATURES,
    MAX_SAMPLE_RATE_HZ,
    MIN_SAMPLE_RATE_HZ,
    SCHEMA_ID,
    FeatureExtractor,
    schema,
)
from audiosense_common.reasons import Explainer
from audiosense_common.windows import split

DEFAULT_WINDOW_S = 5.0
MAX_WINDOWS = 1_440
"""Two hours of windows of 5 s."""
MAX_DECODED_BYTES = 256 * 2**20
POWER_FEATURES = frozenset(
    name for name, feature in FEATURES.items() if feature.group in {"level", "band", "third"} and name != "peak_dbfs"
)
"""Averaged over windows as powers; of other features the summary holds the median."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a recording is analysed: for the named ``sensor`` or for none; ``sample_rate_hz`` null keeps its own."""

    channel: int = 0
    window_s: float = DEFAULT_WINDOW_S
    sample_rate_hz: int | None = None
    schema_id: str = SCHEMA_ID
    model: "ScoringModel | None" = None
    sensor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringModel:
    """A sensor's model: the bundle's graph, the columns that it needs, its threshold, what tells its reasons."""

    digest: str
    onnx: bytes
    columns: tuple[int, ...]
    threshold: float
    explainer: Explainer

    def score(self, matrix: NDArray[np.float16]) -> NDArray[np.float32]:
        """Return the score of each row of features, shape (windows, features)."""
        return OnnxScorer(self.onnx)(matrix[:, list(self.columns)].astype(np.float32))

    def explain(self, vector: NDArray[np.float16]) -> list[dict[str, Any]]:
        """Return the reasons of one row of features as they are answered."""
        return [reason.model_dump(exclude_none=True) for reason in self.explainer.explain(vector)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingAnalysis:
    """What a recording gave.

    Attributes:
        recording: as decoded.
        samples: shape (n,), of the plan's channel at ``sample_rate_hz``.
        windows: views of the samples, each of one channel.
        sample_rate_hz: of the windows.
        start_s: of each window.
        matrix: float16 features, shape (windows, features), as an agent would score them.
        scores: shape (windows,), or null without a model.
        findings: what a user should know of the recording.
    """

    recording: Recording
    samples: NDArray[np.float32]
    windows: list[NDArray[np.float32]]
    sample_rate_hz: int
    start_s: list[float]
    matrix: NDArray[np.float16]
    scores: NDArray[np.float32] | None
    findings: list[Finding]
    plan: Plan

    def summary(self) -> dict[str, float]:
        """Return one value per plain feature: the mean power where it is a power, the highest peak, else the median."""
        names = schema(self.plan.schema_id)
        matrix = self.matrix.astype(np.float64)
        return {
            name: round(_summarise(name, matrix[:, index]), 3)
            for index, name in enumerate(names)
            if not name.startswith("mel_max_shape_")
        }


def analyse(file: BinaryIO, filename: str, plan: Plan) -> RecordingAnalysis:
    """Decode, check, cut into windows, describe and score.

    A recording shorter than a window is described as one short window, but refused for a sensor: its model has never
    heard such windows, and its agent would not make one.

    Raises:
        ChannelError: the file lacks the plan's channel.
        AudioError: the file cannot be used; the message says why in one line.
    """
    recording = read_recording(file, name=filename, max_decoded_bytes=MAX_DECODED_BYTES)
    _check_extent(recording, plan.window_s)
    samples = recording.channel(plan.channel)
    findings = inspect(recording, channel=plan.channel, window_s=plan.window_s)
    rate = plan.sample_rate_hz or recording.sample_rate_hz
    if rate != recording.sample_rate_hz:
        samples = resample(samples, recording.sample_rate_hz, rate)
        message = f"{filename} has {recording.sample_rate_hz} Hz, the sensor {rate} Hz: it was resampled"
        findings.append(Finding("resampled", message))
    length = max(1, round(plan.window_s * rate))
    if plan.sensor is not None and len(samples) < length:
        raise AudioError(
            f"{filename} lasts {recording.duration_s:.3g} s, shorter than one window of {plan.window_s:g} s of sensor "
            f"{plan.sensor}; record longer",
            kind="audio_too_short",
        )
    windows = list(split(samples, length)) or [samples]
    extractor = FeatureExtractor(rate, plan.schema_id)
    matrix = np.stack([extractor.extract(window) for window in windows])
    return RecordingAnalysis(
        recording=recording,
        samples=samples,
        windows=windows,
        sample_rate_hz=rate,
        start_s=[index * length / rate for index in range(len(windows))],
        matrix=matrix,
        scores=None if plan.model is None else plan.model.score(matrix),
        findings=findings,
        plan=plan,
    )


def describe(analysis: RecordingAnalysis) -> dict[str, Any]:
    """Return the analysis as it is stored and answered; see ``schemas.AnalysisResult``."""
    recording, plan = analysis.recording, analysis.plan
    model, scores = plan.model, analysis.scores
    return {
        "format": {
            "container": recording.format,
            "subtype": recording.subtype,
            "sample_rate_hz": recording.sample_rate_hz,
            "channels": recording.channels,
            "channel": plan.channel,
            "frames": len(recording.samples),
            "duration_s": round(recording.duration_s, 6),
        },
        "warnings": [{"code": finding.code, "message": finding.message} for finding in analysis.findings],
        "window_s": plan.window_s,
        "sample_rate_hz": analysis.sample_rate_hz,
        "start_s": [round(start, 6) for start in analysis.start_s],
        "features": {
            "schema_id": plan.schema_id,
            "names": list(schema(plan.schema_id)),
            "values": analysis.matrix.astype(np.float64).round(3).tolist(),
        },
        "summary": analysis.summary(),
        "model": None if model is None else {"digest": model.digest, "threshold": model.threshold},
        "score": None if scores is None else scores.astype(np.float64).round(6).tolist(),
        "anomalous": None if model is None or scores is None else (scores >= model.threshold).tolist(),
        "reasons": _explain(analysis.matrix, scores, model),
    }


def _check_extent(recording: Recording, window_s: float) -> None:
    """Refuse what features are not defined for, and what would be too much once it is resampled."""
    rate = recording.sample_rate_hz
    if not MIN_SAMPLE_RATE_HZ <= rate <= MAX_SAMPLE_RATE_HZ:
        raise AudioError(
            f"{recording.name} has a sample rate of {rate} Hz, expected {MIN_SAMPLE_RATE_HZ} to {MAX_SAMPLE_RATE_HZ} "
            "Hz; export it again at the rate at which it was recorded",
            kind="audio_rate",
        )
    if recording.duration_s // window_s > MAX_WINDOWS:
        raise AudioError(
            f"{recording.name} lasts {recording.duration_s:.0f} s, at most {MAX_WINDOWS * window_s:.0f} s are analysed "
            "at once; cut it into parts",
            kind="audio_too_long",
        )


def _explain(
    matrix: NDArray[np.float16], scores: NDArray[np.float32] | None, model: ScoringModel | None
) -> list[list[dict[str, Any]] | None] | None:
    if model is None or scores is None:
        return None
    return [
        model.explain(vector) if anomalous else None
        for vector, anomalous in zip(matrix, scores >= model.threshold, strict=True)
    ]


def _summarise(name: str, column: NDArray[np.float64]) -> float:
    if name == "peak_dbfs":
        return float(column.max())
    if name in POWER_FEATURES:
        return float(10 * np.log10(np.mean(10 ** (column / 10))))
    return float(np.median(column))
