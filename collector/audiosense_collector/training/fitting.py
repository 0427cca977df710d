"""Fitting a detector and choosing its threshold on windows that it was not fitted on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiosense_collector.training.allowance import drift_extension, extend_drift
from audiosense_collector.training.detectors import Detector, Fitted, Statistics, to_scores
from audiosense_collector.training.errors import MIN_WINDOWS, TrainingError
from audiosense_collector.training.settings import FitSettings
from audiosense_collector.training.statistics import Windows, robust_statistics
from audiosense_collector.training.steps import Tell, silent
from audiosense_collector.training.thresholds import Choice, keep_budget, take_percentile
from audiosense_common.bundle import Debouncing

TYPICAL_PEAK = 2.4
"""Height of an event's peak in logits, of a steady machine, over a detector's margin: ln(s / (1 - s)) has a slope of 4
at 0.5, where the scores of a baseline lie, and peaks are 0.6 of a standard deviation high."""
SPREAD_FLOOR = 1e-3
"""Least spread of a feature in a manifest; the features are decibels, kilohertz, logarithms, rounded to float16."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """A detector fitted on all windows, with what its folds say about it.

    Attributes:
        detector: fitted on every window.
        threshold: scores at or above its value are anomalous.
        held_out: score (windows,) of each window by the detector of its fold, which was not fitted on it.
        debounced: the score that an event would have needed at each window, from ``debounce`` of ``held_out``.
        location: median (features,) of the baseline.
        spread: 1.4826 times the median absolute deviation (features,), at least ``SPREAD_FLOOR``.
        evaluation: held-out quantiles and shares, for the manifest.
        probed: score (probes,) of each probe by a detector that was not fitted on its window; null without probes.
    """

    detector: Fitted
    threshold: Choice
    held_out: NDArray[np.float64]
    debounced: NDArray[np.float64]
    location: NDArray[np.float64]
    spread: NDArray[np.float64]
    evaluation: dict[str, float]
    probed: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True)
class Probed:
    """Baseline windows with synthetic faults mixed in.

    Attributes:
        windows: their features (probes, features).
        source: place (probes,) among the baseline's windows of the one that was mixed with, or of its neighbour in
            time where it is none of the baseline's.
    """

    windows: Windows
    source: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What the members say of windows that they were not fitted on: (windows, members), and of each set of probes."""

    windows: Statistics
    probes: list[Statistics]


def fit(
    detector: Detector,
    windows: Windows,
    settings: FitSettings | None = None,
    debouncing: Debouncing | None = None,
    probes: Probed | None = None,
    *,
    period_s: float = 5.0,
    tell: Tell = silent,
) -> Calibrated:
    """Fit a detector on a baseline (windows, features) in order of time, one window every ``period_s``.

    Folds are contiguous, since neighbours in time are alike, and each is scored by a detector that did not see it: one
    scores what it was fitted on lower than anything new. The threshold is chosen on the debounced held-out scores,
    so that rare single windows (a door, the change from one speed to another), which open no event, do not raise it,
    and of windows whose slow change goes on as far as ``allowance`` says, so that the drift of the next days does not
    cry wolf.

    Raises:
        TrainingError: fewer than ``MIN_WINDOWS`` windows, values that are not finite, or windows that are all equal.
    """
    settings, debouncing = settings or FitSettings(), debouncing or Debouncing()
    _check(windows)
    fold = contiguous_folds(len(windows), settings.folds)
    extension = 0.0 if settings.percentile is not None else drift_extension(len(windows), period_s)
    found = hold_out(detector, windows, fold, settings, _beside(windows, probes, period_s, extension), tell=tell)
    tell("threshold", 0.0)
    fusion = detector.calibrate(found.windows)
    held_out = to_scores(fusion, found.windows)
    debounced = debounce(held_out, debouncing)
    drifting = debounce(to_scores(fusion, found.probes[-1]), debouncing) if extension else debounced
    threshold = _choose(detector, drifting, debouncing, period_s, settings)
    fitted = Fitted(detector, detector.fit_statistics(windows, settings), fusion)
    location, spread = robust_statistics(windows, SPREAD_FLOOR)
    return Calibrated(
        detector=fitted,
        threshold=threshold,
        held_out=held_out,
        debounced=debounced,
        location=location,
        spread=spread,
        evaluation=_evaluate(held_out, debounced, threshold.value, fold)
        | {"fitted_median": float(np.median(fitted.score(windows))), "drift_extension": extension},
        probed=None if probes is None else to_scores(fusion, found.probes[0]),
    )


def _beside(windows: Windows, probes: Probed | None, period_s: float, extension: float) -> list[Probed]:
    """Return what is measured beside the windows: the probes, and last the windows with their drift extended."""
    sets = [] if probes is None else [probes]
    if extension:
        sets.append(Probed(extend_drift(windows, period_s, extension), np.arange(len(windows))))
    return sets


def _choose(
    detector: Detector, debounced: NDArray[np.float64], debouncing: Debouncing, period_s: float, settings: FitSettings
) -> Choice:
    if settings.percentile is None:
        return keep_budget(debounced, debouncing, period_s, TYPICAL_PEAK * detector.margin, settings)
    margin = detector.margin if settings.margin is None else settings.margin
    return take_percentile(debounced, settings.percentile, margin)


def contiguous_folds(count: int, folds: int) -> NDArray[np.int64]:
    """Return the fold (count,) of each window: spans of time of equal length."""
    return np.arange(count) * folds // count


def hold_out(
    detector: Detector,
    windows: Windows,
    fold: NDArray[np.int64],
    settings: FitSettings,
    probes: Sequence[Probed] = (),
    *,
    tell: Tell = silent,
) -> HeldOut:
    """Measure each window, and each probe, by members that were fitted on the other folds' windows only."""
    own = np.empty((len(windows), len(detector.members)))
    mixed = [np.empty((len(each.windows), len(detector.members))) for each in probes]
    for number in np.unique(fold):
        tell("fitting", float(number / (fold.max() + 1)))
        members = detector.fit_statistics(windows[fold != number], settings)
        own[fold == number] = detector.measure(members, windows[fold == number])
        for found, each in zip(mixed, probes, strict=True):
            here = fold[each.source] == number
            if here.any():
                found[here] = detector.measure(members, each.windows[here])
    return HeldOut(own, mixed)


def debounce(scores: NDArray[np.float64], debouncing: Debouncing) -> NDArray[np.float64]:
    """Return the k-th largest of each n consecutive scores: at or below it, a threshold opens an event there."""
    n = min(debouncing.n, len(scores))
    spans = np.lib.stride_tricks.sliding_window_view(scores, n)
    return np.partition(spans, n - min(debouncing.k, n), axis=1)[:, n - min(debouncing.k, n)]


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


def _check(windows: Windows) -> None:
    if windows.ndim != 2 or windows.shape[1] == 0:  # noqa: PLR2004 - (windows, features)
        raise TrainingError(f"a baseline has the shape (windows, features), found {windows.shape}")
    check_count(len(windows))
    broken = np.flatnonzero(~np.isfinite(windows).all(axis=1))
    if len(broken):
        raise TrainingError(
            f"{len(broken)} windows of the baseline are not finite, the first is number {broken[0]}; leave them out"
        )
    if (windows == windows[0]).all():
        raise TrainingError(
            f"all {len(windows)} windows of the baseline are equal; check that the sensor hears its machine"
        )


def check_count(windows: int) -> None:
    """Make sure that a baseline has enough windows.

    Raises:
        TrainingError: fewer than ``MIN_WINDOWS``.
    """
    if windows < MIN_WINDOWS:
        raise TrainingError(f"the baseline has {windows} windows, at least {MIN_WINDOWS} are needed; listen for longer")
