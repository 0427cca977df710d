"""The protocol: folds over the normal clips, the product's own training, scores of what was held out."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from audiosense_collector.evaluation.clips import Clip, Survey, read_clips
from audiosense_collector.evaluation.errors import EvaluationError
from audiosense_collector.evaluation.plan import Plan
from audiosense_collector.evaluation.probing import join_probes
from audiosense_collector.signing import SigningKey
from audiosense_collector.training.baseline import BaselineWindows, prepare, select_features
from audiosense_collector.training.build import SensorModel, build_bundle
from audiosense_collector.training.choice import choose_detector
from audiosense_collector.training.detectors import find_detector, forest_of
from audiosense_collector.training.errors import MIN_WINDOWS, TrainingError
from audiosense_collector.training.running import RunningSettings
from audiosense_collector.training.scorer import OnnxScorer
from audiosense_collector.training.settings import FALSE_ALARMS_PER_WEEK, FitSettings
from audiosense_common.bundle import Bundle, Debouncing, Scorer
from audiosense_common.features import SCHEMA_ID

_SENSOR = UUID(int=0)
_SECOND_US = 1_000_000
ALWAYS_RUNNING = RunningSettings("off")
"""Clips are of a running machine: the quieter of two speeds is no standstill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredClip:
    """A clip as a fold's model heard it, which had not learnt from it.

    Attributes:
        path: of the file.
        abnormal: whether it is one of the abnormal clips; these are scored by every fold's model.
        fold: number of the fold.
        windows: score (windows,) of each window.
        threshold: of the fold's model.
    """

    path: Path
    abnormal: bool
    fold: int
    windows: NDArray[np.float64]
    threshold: float

    @property
    def score(self) -> float:
        """The clip's score: the mean over its windows."""
        return float(self.windows.mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One machine, heard by one channel or by all: what the figures are computed from.

    ``channel`` is null for the channels' combined scores. ``windows_per_s`` is the speed from samples to score on one
    core; it is measured and differs from run to run. ``detectors`` counts the folds' models by their detector.
    """

    machine: str
    channel: int | None
    debouncing: Debouncing
    clips: tuple[ScoredClip, ...]
    windows_per_s: float
    detectors: dict[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What tables call it."""
        return f"{self.machine} (combined)" if self.channel is None else f"{self.machine}, channel {self.channel}"


def assign_folds(count: int, folds: int, seed: int) -> NDArray[np.int64]:
    """Return the fold (count,) of each of ``count`` clips: shuffled, and as equal in size as can be."""
    fold = np.empty(count, np.int64)
    fold[np.random.default_rng(seed).permutation(count)] = np.arange(count) % folds
    return fold


def run_trials(found: Survey, plan: Plan, step: Callable[[], None]) -> list[Trial]:
    """Evaluate a machine: a trial for each channel, and at the end the combined one if the plan asks for it.

    ``step`` is called after each clip that was read and each model that was trained.

    Raises:
        EvaluationError: too few clips or windows, or windows from which no model can be trained.
    """
    clips = read_clips(found, plan, step)
    trials = [_try_channel(found, clips, channel, plan, step) for channel in found.channels]
    return [*trials, combine(trials)] if plan.combine else trials


def combine(trials: Sequence[Trial]) -> Trial:
    """Average the window scores, and the thresholds, that the channels' models give to the same clips."""
    first = trials[0]
    clips = tuple(
        ScoredClip(
            path=same[0].path,
            abnormal=same[0].abnormal,
            fold=same[0].fold,
            windows=np.mean([clip.windows for clip in same], axis=0),
            threshold=float(np.mean([clip.threshold for clip in same])),
        )
        for same in zip(*(trial.clips for trial in trials), strict=True)
    )
    all_channels_s = sum(1 / trial.windows_per_s for trial in trials)
    return Trial(
        machine=first.machine, channel=None, debouncing=first.debouncing, clips=clips, windows_per_s=1 / all_channels_s
    )


def _try_channel(found: Survey, clips: Sequence[Clip], channel: int, plan: Plan, step: Callable[[], None]) -> Trial:
    normal, abnormal = ([clip for clip in clips if clip.abnormal is kind] for kind in (False, True))
    fold = assign_folds(len(normal), plan.folds, plan.seed)
    scored: list[ScoredClip] = []
    taken_s, debouncing = 0.0, Debouncing()
    detectors: Counter[str] = Counter()
    for number in range(plan.folds):
        train = [clip for clip, its in zip(normal, fold, strict=True) if its != number]
        test = [clip for clip, its in zip(normal, fold, strict=True) if its == number] + abnormal
        bundle = _train(found, train, channel, number, plan)
        scorer = OnnxScorer(bundle.model)
        started = time.process_time()
        scored += _score(bundle, scorer, test, channel, number)
        taken_s += time.process_time() - started
        debouncing = bundle.manifest.debouncing
        detectors[bundle.manifest.detector] += 1
        step()
    extract_s = found.extract_s / sum(len(matrix) for clip in clips for matrix in clip.channels.values())
    score_s = taken_s / sum(len(clip.windows) for clip in scored)
    return Trial(
        machine=found.machine.name,
        channel=channel,
        debouncing=debouncing,
        clips=tuple(scored),
        windows_per_s=1 / max(extract_s + score_s, 1e-9),
        detectors=dict(detectors),
    )


def _train(found: Survey, clips: Sequence[Clip], channel: int, number: int, plan: Plan) -> Bundle:
    """Train as the product does, but that clips are no course of time which could drift; the key is thrown away."""
    where = f"{found.machine.name}, channel {channel}, fold {number + 1}"
    windows = np.concatenate([clip.channels[channel] for clip in clips])
    if len(windows) < MIN_WINDOWS:
        raise EvaluationError(
            f"{where}: the {len(clips)} clips to learn from give {len(windows)} windows, at least {MIN_WINDOWS} are "
            "needed; add or lengthen clips, or lower --window or --hop"
        )
    counts = [len(clip.channels[channel]) for clip in clips]
    hop_us = round(plan.hop_s * _SECOND_US)
    baseline = BaselineWindows(
        features=windows,
        schema_id=SCHEMA_ID,
        from_us=0,
        to_us=len(windows) * hop_us,
        times_us=np.arange(len(windows), dtype=np.int64) * hop_us,
        group=np.repeat(np.arange(len(clips)), counts),
    )
    model = SensorModel(sensor=_SENSOR, version=1, sample_rate_hz=found.sample_rate_hz, window_s=plan.window_s)
    key = SigningKey.of(Ed25519PrivateKey.generate())
    budget = FALSE_ALARMS_PER_WEEK if plan.false_alarms_per_week is None else plan.false_alarms_per_week
    settings = FitSettings(percentile=plan.percentile, false_alarms_per_week=budget)
    try:
        if plan.chooses:
            starts = [0, *np.cumsum(counts)[:-1].tolist()]
            probes = join_probes([clip.probes[channel] for clip in clips], starts, hop_us)
            ready = prepare(baseline, ALWAYS_RUNNING, accept_drift=True)
            detector = choose_detector(ready.windows, ready.usable(probes), settings).detector
        else:
            detector = find_detector(plan.detector) if plan.feature_names is None else forest_of(plan.feature_names)
        return build_bundle(
            baseline,
            model,
            key,
            created_us=0,
            detector=detector,
            settings=settings,
            running=ALWAYS_RUNNING,
            period_s=plan.hop_s,
            accept_drift=True,
        )
    except TrainingError as error:
        raise EvaluationError(f"{where}: {error}") from None


def _score(bundle: Bundle, scorer: Scorer, clips: Sequence[Clip], channel: int, number: int) -> Iterator[ScoredClip]:
    names = [need.name for need in bundle.manifest.features]
    for clip in clips:
        matrix = clip.channels[channel]
        chosen = select_features(BaselineWindows(features=matrix, schema_id=SCHEMA_ID, from_us=0, to_us=0), names)
        yield ScoredClip(
            path=clip.path,
            abnormal=clip.abnormal,
            fold=number,
            windows=scorer(chosen.astype(np.float32)).astype(np.float64),
            threshold=bundle.manifest.threshold.value,
        )
