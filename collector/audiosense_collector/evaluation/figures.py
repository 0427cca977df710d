"""The figures of an evaluation, from scores alone."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from audiosense_collector.evaluation.protocol import ScoredClip, Trial
from audiosense_common.bundle import Debouncing

Scores = NDArray[np.float64]
MAX_FALSE_POSITIVE_RATE = 0.1
RESAMPLES = 10_000
_Z_95 = 1.959963984540054
"""Phi^-1(0.975)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a trial gave. All but the first four counts are shares from 0 to 1.

    Attributes:
        normal_clips: that were used, each tested once.
        abnormal_clips: that were used, each tested by every fold's model.
        normal_windows: of the normal clips.
        abnormal_windows: of the abnormal clips, times the folds.
        auc: mean over the folds of the area under the ROC curve of the clips' scores.
        pauc: the same up to a false-positive rate of 0.1, standardised (McClish 1989): 0.5 is chance, 1 is best.
        window_false_alarm_rate: normal windows at or above their model's threshold.
        window_false_alarm_rate_ci: its 95 % interval (Wilson 1927), which takes windows as independent.
        window_detection_rate: abnormal windows at or above it.
        clip_false_alarm_rate: normal clips that raise an alarm after debouncing.
        clip_detection_rate: abnormal clips that do.
        threshold: mean over the folds' models.
    """

    normal_clips: int
    abnormal_clips: int
    normal_windows: int
    abnormal_windows: int
    auc: float
    pauc: float
    window_false_alarm_rate: float
    window_false_alarm_rate_ci: tuple[float, float]
    window_detection_rate: float
    clip_false_alarm_rate: float
    clip_detection_rate: float
    threshold: float

    def rounded(self) -> dict[str, int | float | list[float]]:
        """Return the figures by name, to six digits, as JSON takes them."""
        values: dict[str, int | float | list[float]] = {}
        for one in fields(self):
            value = getattr(self, one.name)
            values[one.name] = [round(end, 6) for end in value] if isinstance(value, tuple) else round(value, 6)
        return values


def compute_figures(trial: Trial) -> Figures:
    """Compute the figures of one trial."""
    normal = [clip for clip in trial.clips if not clip.abnormal]
    abnormal = [clip for clip in trial.clips if clip.abnormal]
    folds = [_fold_scores(trial, number) for number in sorted({clip.fold for clip in trial.clips})]
    above = [_windows_above(clips) for clips in (normal, abnormal)]
    alarms = [[alarms_in(clip, trial.debouncing) for clip in clips] for clips in (normal, abnormal)]
    return Figures(
        normal_clips=len({clip.path for clip in normal}),
        abnormal_clips=len({clip.path for clip in abnormal}),
        normal_windows=len(above[0]),
        abnormal_windows=len(above[1]),
        auc=float(np.mean([auc(*scores) for scores in folds])),
        pauc=float(np.mean([partial_auc(*scores) for scores in folds])),
        window_false_alarm_rate=float(above[0].mean()),
        window_false_alarm_rate_ci=wilson(int(above[0].sum()), len(above[0])),
        window_detection_rate=float(above[1].mean()),
        clip_false_alarm_rate=float(np.mean(alarms[0])),
        clip_detection_rate=float(np.mean(alarms[1])),
        threshold=float(np.mean([clip.threshold for clip in abnormal])),
    )


def auc(normal: Scores, abnormal: Scores) -> float:
    """Area under the ROC curve: the share of pairs (normal, abnormal) whose abnormal one is higher, ties half.

    Source: Mann & Whitney 1947; Hanley & McNeil 1982.
    """
    ordered = np.sort(normal)
    below, up_to = (np.searchsorted(ordered, abnormal, side) for side in ("left", "right"))
    return float((below + up_to).sum() / (2 * len(normal) * len(abnormal)))


def partial_auc(normal: Scores, abnormal: Scores, limit: float = MAX_FALSE_POSITIVE_RATE) -> float:
    """Area under the ROC curve up to a false-positive rate of ``limit``, standardised so that 0.5 is chance.

    Source: McClish 1989, as scikit-learn's ``roc_auc_score(max_fpr=limit)``.
    """
    false, true = roc(normal, abnormal)
    inside = int(np.searchsorted(false, limit, "right"))
    false_in, true_in = np.append(false[:inside], limit), np.append(true[:inside], np.interp(limit, false, true))
    area = float(np.trapezoid(true_in, false_in))
    chance = limit**2 / 2
    return 0.5 * (1 + (area - chance) / (limit - chance))


def roc(normal: Scores, abnormal: Scores) -> tuple[Scores, Scores]:
    """Return the false- and true-positive rates (points,) of every threshold, from (0, 0) to (1, 1)."""
    thresholds = np.unique(np.concatenate((normal, abnormal)))[::-1]
    rates = []
    for scores in (normal, abnormal):
        at_least = len(scores) - np.searchsorted(np.sort(scores), thresholds, "left")
        rates.append(np.concatenate(([0.0], at_least / len(scores))))
    return rates[0], rates[1]


def mean_roc(trial: Trial) -> tuple[Scores, Scores]:
    """Return the mean over the folds of their ROC curves (Fawcett 2006, vertical averaging).

    The areas under it are ``auc`` and ``pauc``, exactly.
    """
    curves = [roc(*_fold_scores(trial, number)) for number in sorted({clip.fold for clip in trial.clips})]
    places = np.unique(np.concatenate([false for false, _ in curves]))
    arriving, leaving = (np.mean([_heights(*curve, places, side) for curve in curves], axis=0) for side in (0, -1))
    return np.repeat(places, 2), np.column_stack((arriving, leaving)).reshape(-1)


def _heights(false: Scores, true: Scores, places: Scores, side: int) -> Scores:
    """Return a curve's height where it arrives at each place (side 0) or leaves it (side -1)."""
    heights = np.empty(len(places))
    for number, place in enumerate(places):
        there = np.flatnonzero(false == place)
        if len(there):
            heights[number] = true[there[side]]
        else:
            after = int(np.searchsorted(false, place))
            share = (place - false[after - 1]) / (false[after] - false[after - 1])
            heights[number] = true[after - 1] + share * (true[after] - true[after - 1])
    return heights


def alarms_in(clip: ScoredClip, debouncing: Debouncing) -> bool:
    """Whether a clip would raise an alarm: k of n windows at or above the threshold, or one if it has fewer than n."""
    above = clip.windows >= clip.threshold
    if len(above) < debouncing.n:
        return bool(above.any())
    return bool(np.convolve(above, np.ones(debouncing.n, int), "valid").max() >= debouncing.k)


def wilson(hits: int, count: int) -> tuple[float, float]:
    """95 % score interval of a share. Source: Wilson 1927; Brown, Cai & DasGupta 2001."""
    share, z2 = hits / count, _Z_95**2
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = _Z_95 / (1 + z2 / count) * float(np.sqrt(share * (1 - share) / count + z2 / (4 * count**2)))
    return max(0.0, centre - half), min(1.0, centre + half)


def mean_over_machines(machines: Sequence[str], values: Sequence[float]) -> float:
    """Mean over the machines, each the mean over its channels."""
    return float(np.mean(_per_machine(machines, values)))


def bootstrap_interval(machines: Sequence[str], values: Sequence[float], seed: int) -> tuple[float, float] | None:
    """95 % percentile interval of ``mean_over_machines``, machines drawn with all their channels; null for one.

    Source: Efron & Tibshirani 1993. A machine's channels hear the same clips and are not independent.
    """
    means = _per_machine(machines, values)
    if len(means) == 1:
        return None
    drawn = np.random.default_rng(seed).integers(0, len(means), (RESAMPLES, len(means)))
    low, high = np.percentile(means[drawn].mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


def _per_machine(machines: Sequence[str], values: Sequence[float]) -> Scores:
    found: dict[str, list[float]] = {}
    for machine, value in zip(machines, values, strict=True):
        found.setdefault(machine, []).append(value)
    return np.array([np.mean(its) for its in found.values()])


def _fold_scores(trial: Trial, fold: int) -> tuple[Scores, Scores]:
    clips = [clip for clip in trial.clips if clip.fold == fold]
    normal, abnormal = (np.array([clip.score for clip in clips if clip.abnormal is kind]) for kind in (False, True))
    return normal, abnormal


def _windows_above(clips: Sequence[ScoredClip]) -> NDArray[np.bool_]:
    return np.concatenate([clip.windows >= clip.threshold for clip in clips])
