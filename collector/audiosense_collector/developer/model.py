"""The sandbox's model: an isolation forest on window statistics, trained on windows without declared anomalies."""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from audiosense_collector.developer.statistics import Column, window_statistics
from audiosense_collector.training.errors import MIN_WINDOWS, TrainingError
from audiosense_collector.training.scorer import OnnxScorer

CONTAMINATION = 0.05
DECIMALS = 6
"""Of scores: the fused forest is within 1e-6 of scikit-learn."""
_SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedModel:
    """A model as it is stored; scores follow scikit-learn's ``score_samples``: in [-1, 0], lower is stranger.

    Attributes:
        onnx: the forest, fused; it gives the negative of these scores.
        window_size: measurements in a window.
        threshold_pct: percentile of the training scores that is the threshold.
        threshold: windows that score below it are anomalous.
        score_mean: mean of the training scores.
        score_std: standard deviation of the training scores.
        train_windows: windows that it was trained on.
        train_samples: measurements in these windows.
        note: which windows these were.
    """

    onnx: bytes
    window_size: int
    threshold_pct: float
    threshold: float
    score_mean: float
    score_std: float
    train_windows: int
    train_samples: int
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingWindows:
    """Statistics (windows, 15) of the windows to train on, how many measurements they hold, and which they are."""

    features: NDArray[np.float32]
    samples: int
    note: str


def train(
    value: Column,
    frequency: Column,
    anomalous: NDArray[np.bool_],
    *,
    window_size: int,
    threshold_pct: float,
    trees: int,
) -> TrainedModel:
    """Train on measurements, shape (n,) each, in order of time.

    Raises:
        TrainingError: too few measurements without a declared anomaly for windows of this size.
    """
    # Loading scikit-learn takes a second and 100 MB, which a collector that trains no sandbox does without.
    from sklearn.ensemble import IsolationForest  # noqa: PLC0415

    from audiosense_collector.training.export import export_forest  # noqa: PLC0415

    windows = choose_windows(value, frequency, anomalous, window_size)
    forest = IsolationForest(n_estimators=trees, contamination=CONTAMINATION, random_state=_SEED, n_jobs=1)
    onnx = export_forest(forest.fit(windows.features))
    scores = score_windows(OnnxScorer(onnx), windows.features)
    return TrainedModel(
        onnx=onnx,
        window_size=window_size,
        threshold_pct=threshold_pct,
        threshold=round(float(np.percentile(scores, threshold_pct)), DECIMALS),
        score_mean=round(float(scores.mean()), DECIMALS),
        score_std=round(float(scores.std()), DECIMALS),
        train_windows=len(scores),
        train_samples=windows.samples,
        note=windows.note,
    )


def choose_windows(value: Column, frequency: Column, anomalous: NDArray[np.bool_], window_size: int) -> TrainingWindows:
    """Choose the windows without declared anomalies.

    Long windows nearly always hold one; where fewer than ``MIN_WINDOWS`` hold none, the windows are made of the
    measurements that are left when the anomalies are taken out.

    Raises:
        TrainingError: even so there are too few.
    """
    total = max(0, len(value) - window_size + 1)
    if total:
        clean = np.logical_not(sliding_window_view(anomalous, window_size).any(axis=1))
        found = int(clean.sum())
        if found >= MIN_WINDOWS:
            return TrainingWindows(
                features=window_statistics(value, frequency, window_size)[clean],
                samples=_covered(clean, window_size),
                note=f"trained on {found} of {total} windows: those without declared anomalies",
            )
    normal = ~anomalous
    samples = int(normal.sum())
    if samples - window_size + 1 < MIN_WINDOWS:
        raise TrainingError(
            f"the sandbox holds {samples} measurements without declared anomalies, windows of {window_size} need at "
            f"least {window_size + MIN_WINDOWS - 1}; call POST /v2/generate or take a smaller window_size"
        )
    return TrainingWindows(
        features=window_statistics(value[normal], frequency[normal], window_size),
        samples=samples,
        note=f"windows of {window_size} without declared anomalies were too few; trained on windows of the "
        "measurements that are left when the anomalies are taken out",
    )


def score_windows(scorer: OnnxScorer, features: NDArray[np.float32]) -> Column:
    """Score (windows, 15) statistics in one run, as ``score_samples`` does: lower is stranger."""
    return -scorer(features).astype(np.float64)


def score_rows(scorer: OnnxScorer, value: Column, frequency: Column, window_size: int) -> Column:
    """Score each measurement by the window that ends with it; NaN for those with no complete window.

    Args:
        scorer: the loaded model.
        value: shape (n,), in order of time.
        frequency: shape (n,).
        window_size: measurements in a window.

    Returns:
        Shape (n,).
    """
    scores = np.full(len(value), np.nan)
    features = window_statistics(value, frequency, window_size)
    if len(features):
        scores[window_size - 1 :] = score_windows(scorer, features)
    return scores


def _covered(clean: NDArray[np.bool_], window_size: int) -> int:
    edges = np.zeros(len(clean) + window_size, np.int64)
    starts = np.flatnonzero(clean)
    edges[starts] += 1
    edges[starts + window_size] -= 1
    return int(np.count_nonzero(np.cumsum(edges) > 0))
