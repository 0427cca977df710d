"""What each feature group costs and brings: alone, and beside the default detector.

Faults are the recordings' own, and synthetic ones that are mixed into each machine's held-out normal clips at levels
that are the same for all machines. Folds and clips are those of ``benchmarks.detection``; a clip's score is the mean of
its windows'. Every figure is a mean area under the ROC curve (AUC) over machines.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiosense_collector.evaluation.errors import EvaluationError
from audiosense_collector.evaluation.figures import auc, mean_over_machines
from audiosense_collector.evaluation.plan import Plan
from audiosense_collector.evaluation.protocol import assign_folds
from audiosense_collector.training.detectors import DETECTORS, Detector, Fusion, Member
from audiosense_collector.training.settings import DEFAULT_DETECTOR, FitSettings
from audiosense_collector.training.statistics import Deviation
from audiosense_common import features
from audiosense_common.audio import read_recording, resample
from audiosense_common.errors import AudioSenseError
from audiosense_common.features import SCHEMA_ID, SCHEMAS, FeatureExtractor
from audiosense_common.windows import split
from benchmarks.candidates import CANDIDATES, Frames
from benchmarks.detection import VARIABLE, Dataset, find_datasets
from benchmarks.mixing import FAULTS_DB, mix

RATE_HZ = 16_000
WEIGHT = 0.5
"""Of a group's member beside those of the default detector."""
RECORDED = "recorded"

Windows = NDArray[np.float32]


def schema_groups() -> dict[str, tuple[str, ...]]:
    """Return the feature names of each group that the schema has."""
    return {
        "levels": ("rms_dbfs", "level_a_dbfs", "velocity_db"),
        "waveform and spectrum": SCHEMAS[SCHEMA_ID][2:12],
        "shape of the maximum": features.SHAPE_FEATURES,
        "spread over frames": features.SPREAD_FEATURES,
        "third octaves": features.THIRD_OCTAVE_FEATURES,
        "harmonicity": ("harmonicity_db",),
        "regular pulses": features.MODULATION_FEATURES,
    }


@dataclass(slots=True)
class Sound:
    """A clip of one channel: its windows' vectors (windows, features and candidates), and what it is."""

    kind: str
    number: int
    windows: Windows


@dataclass(slots=True)
class Tally:
    """AUC of each detector by kind of fault: the values, and the machine that each is of."""

    values: dict[tuple[str, str], list[tuple[str, float]]] = field(default_factory=dict)

    def add(self, detector: str, kind: str, machine: str, value: float) -> None:
        """Count one fold."""
        self.values.setdefault((detector, kind), []).append((machine, value))

    def mean(self, detector: str, kind: str) -> float:
        """Return the mean over machines, of each over its channels and folds."""
        entries = self.values[detector, kind]
        return mean_over_machines([machine for machine, _ in entries], [value for _, value in entries])


def main() -> None:
    """Print the table; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", metavar="DIR", help=f"holds mimii and bldc_motor (default: ${VARIABLE})")
    parser.add_argument("--machines", type=int, default=None, help="only so many of each data set")
    parser.add_argument("--seed", type=int, default=0, help="of folds and faults (default: %(default)s)")
    arguments = parser.parse_args()
    folder = arguments.folder or os.environ.get(VARIABLE)
    try:
        if not folder:
            raise EvaluationError(f"no recordings are named; give their folder, or set {VARIABLE}")
        datasets = find_datasets(Path(folder))
    except AudioSenseError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    print(json.dumps(tell({each.name: measure(each, arguments.machines, arguments.seed) for each in datasets})))


def measure(dataset: Dataset, machines: int | None, seed: int) -> Tally:
    """Evaluate every group on a data set's machines, or the first ``machines`` of them."""
    tally = Tally()
    plan = Plan(**dataset.options, seed=seed)
    for machine in dataset.machines[:machines]:
        for channel in (0, 1) if plan.channel is None else (plan.channel,):
            sounds = list(_sounds(machine.normal, machine.abnormal, channel, plan))
            normal = [sound for sound in sounds if sound.kind == "normal"]
            fold = assign_folds(len(normal), plan.folds, seed)
            for number in range(plan.folds):
                learnt = {sound.number for sound, its in zip(normal, fold, strict=True) if its != number}
                _try_fold(machine.name, sounds, learnt, tally)
        print(f"{dataset.name}: {machine.name} done", file=sys.stderr, flush=True)
    return tally


def _sounds(normal: Sequence[Path], abnormal: Sequence[Path], channel: int, plan: Plan) -> Iterator[Sound]:
    extractor = FeatureExtractor(RATE_HZ)
    for kind, paths in (("normal", normal), (RECORDED, abnormal)):
        for number, path in enumerate(paths):
            recording = read_recording(path)
            samples = resample(recording.channel(channel), recording.sample_rate_hz, RATE_HZ)
            yield Sound(kind, number, _describe(samples, extractor, plan))
            if kind == "normal" and channel == 0:
                rng = np.random.default_rng((plan.seed, number))
                for fault, mixed in mix(samples, RATE_HZ, rng).items():
                    yield Sound(fault, number, _describe(mixed, extractor, plan))


def _describe(samples: NDArray[np.float32], extractor: FeatureExtractor, plan: Plan) -> Windows:
    rows = []
    for window in split(samples, round(plan.window_s * RATE_HZ), round(plan.hop_s * RATE_HZ)):
        frames = Frames.of(window, RATE_HZ)
        rows.append(np.concatenate((extractor.extract(window), *(group(frames) for group in CANDIDATES.values()))))
    return np.array(rows, np.float16).astype(np.float32)


def _columns() -> dict[str, tuple[str, ...]]:
    """Return the column names of each group, schema first; candidates' columns are numbered."""
    width = len(next(iter(CANDIDATES.values()))(Frames.of(np.zeros(RATE_HZ, np.float32), RATE_HZ)))
    return schema_groups() | {name: tuple(f"{name} {place}" for place in range(width)) for name in CANDIDATES}


def _try_fold(machine: str, sounds: Sequence[Sound], learnt: set[int], tally: Tally) -> None:
    groups = _columns()
    names = [*SCHEMAS[SCHEMA_ID], *(name for group in CANDIDATES for name in groups[group])]
    default = DETECTORS[DEFAULT_DETECTOR].members
    everything = Detector("ablation", (*default, *(Member(Deviation.fit, group) for group in groups.values())), 0.0)
    places = [names.index(name) for name in everything.features]
    train = np.concatenate([s.windows for s in sounds if s.kind == "normal" and s.number in learnt])[:, places]
    tested = [s for s in sounds if s.kind == RECORDED or s.number not in learnt]
    held_out, found = _statistics(everything, train, [s.windows[:, places] for s in tested])
    for name, weights in _combinations(list(groups), len(default)).items():
        used = np.flatnonzero(weights)
        fusion = Fusion.fit(held_out[:, used], weights[used])
        scores = [float(fusion.score(one[:, used]).mean()) for one in found]
        normal = np.array([score for s, score in zip(tested, scores, strict=True) if s.kind == "normal"])
        for kind in (RECORDED, *FAULTS_DB):
            strange = np.array([score for s, score in zip(tested, scores, strict=True) if s.kind == kind])
            if len(strange):
                tally.add(name, kind, machine, auc(normal, strange))


def _statistics(detector: Detector, train: Windows, tested: Sequence[Windows]) -> tuple[Any, list[Any]]:
    settings = FitSettings()
    fold = np.arange(len(train)) * settings.folds // len(train)
    held_out = np.empty((len(train), len(detector.members)))
    for number in range(settings.folds):
        members = detector.fit_statistics(train[fold != number], settings)
        held_out[fold == number] = detector.measure(members, train[fold == number])
    fitted = detector.fit_statistics(train, settings)
    return held_out, [detector.measure(fitted, windows) for windows in tested]


def _combinations(groups: Sequence[str], members: int) -> dict[str, NDArray[np.float64]]:
    """Return the weights of all members by detector: the default, each group alone, and both together."""
    own = np.array([member.weight for member in DETECTORS[DEFAULT_DETECTOR].members])
    weights = {"default": np.concatenate((own, np.zeros(len(groups))))}
    for place, group in enumerate(groups):
        alone = np.zeros(members + len(groups))
        alone[members + place] = WEIGHT
        weights |= {group: alone, f"default and {group}": weights["default"] + alone}
    return weights


def tell(tallies: dict[str, Tally]) -> dict[str, Any]:
    """Print the table and return it."""
    heads = [f"{name} {kind}" for name in tallies for kind in (RECORDED, *FAULTS_DB)]
    print(f"{'detector':34} bytes " + " ".join(f"{head:>15}" for head in heads))
    table: dict[str, Any] = {}
    for detector in dict.fromkeys(name for tally in tallies.values() for name, _ in tally.values):
        group = detector.removeprefix("default and ")
        size = 2 * len(_columns()[group]) if group in _columns() else 0
        figures = [
            round(tally.mean(detector, kind), 3) for tally in tallies.values() for kind in (RECORDED, *FAULTS_DB)
        ]
        print(f"{detector:34} {size:5} " + " ".join(f"{figure:15.3f}" for figure in figures))
        table[detector] = {"bytes": size} | dict(zip(heads, figures, strict=True))
    return table


if __name__ == "__main__":
    main()
