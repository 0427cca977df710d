"""Fitting an isolation forest and calibrating its threshold on windows that it was not fitted on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

from audiosense_collector.training.errors import MIN_WINDOWS, TrainingError
from audiosense_common.bundle import Debouncing

MAD_TO_SIGMA = 1.4826
"""Median absolute deviation to standard deviation for normal data: 1 / Phi^-1(3/4)."""
SPREAD_FLOOR = 1e-3
"""Smallest spread of a feature; the features are decibels, kilohertz and logarithms, rounded to float16."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestSettings:
    """How a forest is fitted and calibrated.

    Attributes:
        trees: number of trees.
        samples: windows drawn for each tree, at most (256 in Liu et al. 2008).
        folds: contiguous spans of time, each scored by a forest fitted on the others.
        percentile: of the debounced held-out scores that becomes the threshold.
        margin: added to that percentile; about one standard deviation of the scores of a steady machine.
        seed: the same seed and windows give the same forest.
    """

    trees: int = 100
    samples: int = 256
    folds: int = 5
    percentile: float = 99.5
    margin: float = 0.02
    seed: int = 0

    def __post_init__(self) -> None:
        ranges = {
            "trees": (1, 10_000),
            "samples": (2, 100_000),
            "folds": (2, 100),
            "percentile": (50, 100),
            "margin": (0, 0.5),
        }
        for name, (low, high) in ranges.items():
            found = getattr(self, name)
            if not low <= found <= high:
                raise TrainingError(f"training needs {name} from {low} to {high}, found {found}; change the setting")


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedForest:
    """A forest fitted on all windows, with what its folds say about it.

    Attributes:
        forest: fitted on every window.
        threshold: in (0, 1]; scores at or above it are anomalous.
        held_out: score (windows,) of each window by the forest of its fold, which was not fitted on it.
        debounced: the score that an event would have needed at each window, from ``debounce`` of ``held_out``.
        location: median (features,) of the baseline.
        spread: 1.4826 times the median absolute deviation (features,), at least ``SPREAD_FLOOR``.
        evaluation: held-out quantiles and shares, for the manifest.
    """

    forest: IsolationForest
    threshold: float
    held_out: NDArray[np.float64]
    debounced: NDArray[np.float64]
    location: NDArray[np.float64]
    spread: NDArray[np.float64]
    evaluation: dict[str, float]


def fit_forest(
    windows: NDArray[np.float32], settings: ForestSettings | None = None, debouncing: Debouncing | None = None
) -> FittedForest:
    """Fit a forest on a baseline (windows, features) in order of time.

    Folds are contiguous, since neighbours in time are alike, and each is scored by a forest that did not see it: a
    forest scores what it was fitted on lower than anything new. The threshold is the percentile of the debounced
    held-out scores plus the margin, so that rare single windows (a door, the change from one speed to another), which
    open no event, do not raise it.

    Raises:
        TrainingError: fewer than ``MIN_WINDOWS`` windows, values that are not finite, or windows that are all equal.
    """
    settings, debouncing = settings or ForestSettings(), debouncing or Debouncing()
    _check(windows)
    fold = np.arange(len(windows)) * settings.folds // len(windows)
    held_out = np.empty(len(windows))
    for number in range(settings.folds):
        held_out[fold == number] = _score(_fit(windows[fold != number], settings), windows[fold == number])
    debounced = debounce(held_out, debouncing)
    threshold = min(1.0, float(np.percentile(debounced, settings.percentile)) + settings.margin)
    forest = _fit(windows, settings)
    location = np.median(windows.astype(np.float64), axis=0)
    deviation = np.median(np.abs(windows - location), axis=0)
    return FittedForest(
        forest=forest,
        threshold=threshold,
        held_out=held_out,
        debounced=debounced,
        location=location,
        spread=np.maximum(MAD_TO_SIGMA * deviation, SPREAD_FLOOR),
        evaluation=_evaluate(held_out, debounced, threshold, fold) | {"fitted_median": _median(forest, windows)},
    )


def debounce(scores: NDArray[np.float64], debouncing: Debouncing) -> NDArray[np.float64]:
    """Return the k-th largest of each n consecutive scores: at or below it, a threshold opens an event there."""
    n = min(debouncing.n, len(scores))
    spans = np.lib.stride_tricks.sliding_window_view(scores, n)
    return np.partition(spans, n - min(debouncing.k, n), axis=1)[:, n - min(debouncing.k, n)]


def _fit(windows: NDArray[np.float32], settings: ForestSettings) -> IsolationForest:
    samples = min(settings.samples, len(windows))
    return IsolationForest(n_estimators=settings.trees, max_samples=samples, random_state=settings.seed, n_jobs=1).fit(
        windows
    )


def _score(forest: IsolationForest, windows: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(-forest.score_samples(windows), dtype=np.float64)


def _median(forest: IsolationForest, windows: NDArray[np.float32]) -> float:
    return float(np.median(_score(forest, windows)))


def _evaluate(
    held_out: NDArray[np.float64], debounced: NDArray[np.float64], threshold: float, fold: NDArray[np.int64]
) -> dict[str, float]:
    worst = [float(held_out[fold == number].max()) for number in np.unique(fold)]
    return {
        "windows": float(len(held_out)),
        "folds": float(len(worst)),
        "held_out_median": float(np.median(held_out)),
        "held_out_p95": float(np.percentile(held_out, 95)),
        "held_out_p99": float(np.percentile(held_out, 99)),
        "held_out_max": max(worst),
        "held_out_lowest_fold_max": min(worst),
        "held_out_share_above": float(np.mean(held_out >= threshold)),
        "held_out_debounced_max": float(debounced.max()),
        "held_out_debounced_share_above": float(np.mean(debounced >= threshold)),
    }


def _check(windows: NDArray[np.float32]) -> None:
    if windows.ndim != 2 or windows.shape[1] == 0:  # noqa: PLR2004 - (windows, features)
        raise TrainingError(f"a baseline has the shape (windows, features), found {windows.shape}")
    if len(windows) < MIN_WINDOWS:
        raise TrainingError(
            f"the baseline has {len(windows)} windows, at least {MIN_WINDOWS} are needed; listen for longer"
        )
    broken = np.flatnonzero(~np.isfinite(windows).all(axis=1))
    if len(broken):
        raise TrainingError(
            f"{len(broken)} windows of the baseline are not finite, the first is number {broken[0]}; leave them out"
        )
    if (windows == windows[0]).all():
        raise TrainingError(
            f"all {len(windows)} windows of the baseline are equal; check that the sensor hears its machine"
        )
