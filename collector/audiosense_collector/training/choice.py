"""Choosing a detector without labels: the one that hears most synthetic faults at the same false-alarm rate."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiosense_collector.training.baseline import BaselineWindows, select_features
from audiosense_collector.training.build import select_probes
from audiosense_collector.training.detectors import DETECTORS, Detector, find_detector, to_scores
from audiosense_collector.training.fitting import check_count, contiguous_folds, hold_out
from audiosense_collector.training.probing import ProbeSet, place_probes
from audiosense_collector.training.settings import DEFAULT_DETECTOR, FitSettings
from audiosense_common import features

FALSE_ALARM_RATE = 0.01
"""Share of held-out windows at which candidates are compared."""
LEAST_ABOVE = 3
"""Held-out windows above a candidate's level, at least: a short baseline is compared at a higher rate, for its largest
score alone says little."""
MIN_SPANS = 3
"""Fewer spans of time with probes do not tell a difference from chance."""
MIN_SOURCES = 10
"""Fewer windows with probes say too little of the machine."""
BLOCKS = 10
"""Spans of time that are left out in turn, to tell a difference from chance."""
STANDARD_ERRORS = 2.0
"""By how many standard errors a candidate must beat the default: with less, what it hears better in synthetic faults
was worth less on real ones than the default's proven worth (docs/detectability.md has the figures)."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The detector that was chosen, and why.

    ``figures`` are for the manifest: the share heard by each candidate, the rate they were compared at, the probes.
    """

    detector: Detector
    figures: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Trial:
    """Scores of one candidate: of the baseline's windows, and of the probes, all held out."""

    windows: NDArray[np.float64]
    probes: NDArray[np.float64]


def choose_detector(baseline: BaselineWindows, probes: ProbeSet | None, settings: FitSettings) -> Choice:
    """Choose from ``DETECTORS`` for a baseline.

    Each candidate is fitted on all folds but one and scores that fold's windows and their probes. Its level is set so
    that the same share of held-out windows lies above it for each candidate; what it hears is the mean over the kinds
    of the share of probes above that level. The default is kept unless another hears more by ``STANDARD_ERRORS``
    standard errors of the difference (jackknife over spans of time, Efron & Stein 1981): the synthetic faults are not
    the machine's own.

    Without probes, or with too few, it is the default.

    Raises:
        TrainingError: the baseline cannot give a model.
    """
    if probes is None or probes.windows < MIN_SOURCES or probes.schema_id != baseline.schema_id:
        return Choice(find_detector(DEFAULT_DETECTOR), {"auto_probe_windows": 0.0})
    count = len(baseline.features)
    check_count(count)
    block = contiguous_folds(count, BLOCKS) if baseline.group is None else baseline.group
    if len(np.unique(block % settings.folds)) < 2:  # noqa: PLR2004 - something must be left to fit on
        block = contiguous_folds(count, BLOCKS)
    place = place_probes(baseline.times(), probes)
    rate = max(FALSE_ALARM_RATE, LEAST_ABOVE / count)
    spans = [(block != number, block[place] != number) for number in np.unique(block[place])]
    if len(spans) < MIN_SPANS:
        return Choice(find_detector(DEFAULT_DETECTOR), {"auto_probe_windows": 0.0})
    trials = {name: _try(detector, baseline, probes, block, settings) for name, detector in DETECTORS.items()}
    heard = {name: _heard(trial, probes, rate) for name, trial in trials.items()}
    without = {name: np.array([_heard(trial, probes, rate, *span) for span in spans]) for name, trial in trials.items()}
    gain = {name: share - heard[DEFAULT_DETECTOR] for name, share in heard.items()}
    error = {name: _standard_error(shares - without[DEFAULT_DETECTOR]) for name, shares in without.items()}
    better = [name for name in gain if gain[name] > STANDARD_ERRORS * error[name]]
    chosen = max(better, key=lambda name: gain[name], default=DEFAULT_DETECTOR)
    figures = {"auto_probe_windows": float(probes.windows), "auto_false_alarm_rate": rate}
    figures |= {f"auto_heard_{name}": round(share, 6) for name, share in heard.items()}
    figures |= {f"auto_error_{name}": round(error[name], 6) for name in error if name != DEFAULT_DETECTOR}
    return Choice(find_detector(chosen), figures)


def _try(
    detector: Detector, baseline: BaselineWindows, probes: ProbeSet, block: NDArray[np.int64], settings: FitSettings
) -> _Trial:
    detector = detector.within(features.schema(baseline.schema_id))
    windows = select_features(baseline, detector.features).astype(np.float32)
    probed = select_probes(baseline, probes, detector.features)
    found = hold_out(detector, windows, block % settings.folds, settings, [probed])
    fusion = detector.calibrate(found.windows)
    return _Trial(to_scores(fusion, found.windows), to_scores(fusion, found.probes[0]))


def _heard(
    trial: _Trial,
    probes: ProbeSet,
    rate: float,
    windows: NDArray[np.bool_] | slice = slice(None),
    mixed: NDArray[np.bool_] | slice = slice(None),
) -> float:
    """Return the mean over the kinds of the share of probes above the level that ``rate`` of the windows exceed."""
    above = trial.probes[mixed] > np.quantile(trial.windows[windows], 1.0 - rate)
    kind = probes.kind[mixed]
    return float(np.mean([above[kind == number].mean() for number in np.unique(kind)]))


def _standard_error(without: NDArray[np.float64]) -> float:
    """Return the jackknife's standard error of a figure, from its values without each block (blocks,)."""
    count = len(without)
    return float(np.sqrt((count - 1) / count * ((without - without.mean()) ** 2).sum()))
