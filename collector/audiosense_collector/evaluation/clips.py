"""From a machine's clips to feature vectors: one sample rate, windows of each channel."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audiosense_collector.evaluation.errors import EvaluationError
from audiosense_collector.evaluation.plan import CLIPS_PER_FOLD, Plan
from audiosense_collector.evaluation.probing import probe_clip
from audiosense_collector.evaluation.recordings import Machine
from audiosense_collector.training.probing import ProbeSet
from audiosense_common.audio import Header, read_header, read_recording, resample
from audiosense_common.errors import AudioError
from audiosense_common.features import FeatureError, FeatureExtractor
from audiosense_common.windows import split

NAMED = 20
"""A warning names so many clips at most."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip as feature vectors.

    Attributes:
        path: of the file.
        abnormal: whether it is one of the abnormal clips.
        channels: float16 (windows, features of the schema) by channel, as an agent would score them.
        probes: synthetic faults in its windows by channel; empty unless the plan chooses by them and it is normal.
    """

    path: Path
    abnormal: bool
    channels: dict[int, NDArray[np.float16]]
    probes: dict[int, ProbeSet] = field(default_factory=dict)


@dataclass(slots=True)
class Survey:
    """What the headers of a machine's clips say, before anything is decoded.

    Attributes:
        machine: whose clips these are.
        sample_rate_hz: to which all are resampled.
        channels: numbers of the channels to evaluate.
        clips: those that can be used so far, and whether each is abnormal.
        warnings: one line for what was left out or changed.
        left_out: how many clips that was.
        extract_s: CPU seconds that the feature vectors have taken.
    """

    machine: Machine
    sample_rate_hz: int
    channels: tuple[int, ...]
    clips: list[tuple[Path, bool]]
    warnings: list[str] = field(default_factory=list)
    left_out: int = 0
    extract_s: float = 0.0


def survey(machine: Machine, plan: Plan) -> Survey:
    """Choose sample rate and channels, and leave out the clips that lack the channels.

    Raises:
        EvaluationError: too few clips can be used.
    """
    headers: dict[Path, Header] = {}
    warnings = []
    for path in machine.clips:
        try:
            headers[path] = read_header(path)
        except AudioError as error:
            warnings.append(f"{machine.name}: a clip is left out: {error}")
    _check_counts(machine, [path in headers for path in machine.clips], plan)
    rates = Counter(header.sample_rate_hz for header in headers.values())
    # Of two equally common rates the lower: no clip then lacks a part of the spectrum.
    rate = plan.sample_rate_hz or min(rates, key=lambda hz: (-rates[hz], hz))
    if set(rates) != {rate}:
        found = ", ".join(f"{count} at {hz} Hz" for hz, count in sorted(rates.items()))
        warnings.append(f"{machine.name}: the clips have several rates ({found}); all are evaluated at {rate} Hz")
    channels = _channels(headers, plan)
    fitting = {path for path, header in headers.items() if header.channels > max(channels)}
    if len(fitting) < len(headers):
        lacking = [path for path in headers if path not in fitting]
        warnings.append(_left_out(machine, lacking, f"lack channel {max(channels)}"))
    _check_counts(machine, [path in fitting for path in machine.clips], plan)
    kinds = [False] * len(machine.normal) + [True] * len(machine.abnormal)
    clips = [(path, kind) for path, kind in zip(machine.clips, kinds, strict=True) if path in fitting]
    return Survey(machine, rate, channels, clips, warnings, len(machine.clips) - len(clips))


def read_clips(found: Survey, plan: Plan, step: Callable[[], None]) -> list[Clip]:
    """Decode, resample, cut and describe all clips; ``step`` is called after each.

    What is left out is added to ``found.warnings``.

    Raises:
        EvaluationError: too few clips can be used, or features are not defined at the sample rate.
    """
    try:
        extractor = FeatureExtractor(found.sample_rate_hz)
    except FeatureError as error:
        raise EvaluationError(f"{found.machine.name}: {error}") from None
    clips: list[Clip] = []
    short: list[Clip] = []
    for path, abnormal in found.clips:
        clip = Clip(path, abnormal, {})
        try:
            _describe(clip, found, plan, extractor)
        except AudioError as error:
            found.warnings.append(f"{found.machine.name}: a clip is left out: {error}")
        else:
            (clips if clip.channels else short).append(clip)
        step()
    if short:
        paths = [clip.path for clip in short]
        found.warnings.append(_left_out(found.machine, paths, f"are shorter than a window of {plan.window_s:g} s"))
    found.left_out = len(found.machine.clips) - len(clips)
    usable = {clip.path for clip in clips}
    _check_counts(found.machine, [path in usable for path in found.machine.clips], plan)
    return clips


def _describe(clip: Clip, found: Survey, plan: Plan, extractor: FeatureExtractor) -> None:
    """Fill in the feature vectors by channel; none where the clip is shorter than a window."""
    recording = read_recording(clip.path)
    rate = found.sample_rate_hz
    length, hop = round(plan.window_s * rate), max(1, round(plan.hop_s * rate))
    for channel in found.channels:
        samples = resample(recording.channel(channel), recording.sample_rate_hz, rate)
        windows = list(split(samples, length, hop))
        if not windows:
            return
        started = time.process_time()
        clip.channels[channel] = np.stack([extractor.extract(window) for window in windows])
        found.extract_s += time.process_time() - started
        if plan.chooses and not clip.abnormal:
            number = found.clips.index((clip.path, clip.abnormal))
            clip.probes[channel] = probe_clip(windows, extractor, plan, number, len(found.machine.normal))


def _channels(headers: dict[Path, Header], plan: Plan) -> tuple[int, ...]:
    if plan.channel is not None:
        return (plan.channel,)
    counts = Counter(header.channels for header in headers.values())
    return tuple(range(min(counts, key=lambda channels: (-counts[channels], channels))))


def _left_out(machine: Machine, paths: Sequence[Path], why: str) -> str:
    names = ", ".join(path.name for path in paths[:NAMED])
    more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return f"{machine.name}: {len(paths)} of {len(machine.clips)} clips {why} and are left out: {names}{more}"


def _check_counts(machine: Machine, usable: Sequence[bool], plan: Plan) -> None:
    normal, abnormal = sum(usable[: len(machine.normal)]), sum(usable[len(machine.normal) :])
    lost = f" ({len(usable) - sum(usable)} clips cannot be used)" if not all(usable) else ""
    needed = CLIPS_PER_FOLD * plan.folds
    if normal < needed:
        raise EvaluationError(
            f"{machine.name} has {normal} normal clips{lost}, {plan.folds} folds need at least {needed}, "
            f"{CLIPS_PER_FOLD} in each; add clips or lower --folds"
        )
    if not abnormal:
        raise EvaluationError(f"{machine.name} has no abnormal clip{lost}, at least 1 is needed; add one")
