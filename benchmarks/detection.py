"""Mean AUC on real recordings: the predecessor's two numbers against what the product trains by default.

The recordings are excerpts of MIMII (Purohit et al. 2019, factory noise at -6 dB) and of small brushless motors
(Data in Brief 2023), in the folders ``mimii`` and ``bldc_motor`` of the one that is given.
"""

import argparse
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audiosense_collector.evaluation.errors import EvaluationError
from audiosense_collector.evaluation.plan import Plan
from audiosense_collector.evaluation.recordings import Machine, find_machines, match_machine
from audiosense_collector.evaluation.run import Evaluation, evaluate, survey_all
from audiosense_common.errors import AudioSenseError

VARIABLE = "AUDIOSENSE_RECORDINGS"
MOTORS = ("M1", "M2")
MIMII_FOLDS, BLDC_FOLDS = 5, 4
Options = dict[str, Any]

CANDIDATES: dict[str, Options] = {
    "predecessor": {"window_s": 1.0, "hop_s": 1.0, "feature_names": ("rms_dbfs", "dominant_khz")},
    "default": {},
    "auto": {"detector": "auto"},
    "isolation_forest": {"detector": "isolation_forest"},
    "mahalanobis": {"detector": "mahalanobis"},
}
"""Options of ``Plan`` by name. To try other features, add a line."""
COMBINED = "default"
"""The candidate whose figure with both microphones is told too."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Machines and the options that all candidates share on them."""

    name: str
    machines: list[Machine]
    options: Options


def main() -> None:
    """Evaluate all candidates and print a table; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", metavar="DIR", help=f"holds mimii and bldc_motor (default: ${VARIABLE})")
    parser.add_argument("--seed", type=int, default=0, help="of the shuffle of the clips (default: %(default)s)")
    arguments = parser.parse_args()
    try:
        result = measure(arguments.folder or os.environ.get(VARIABLE), arguments.seed)
    except AudioSenseError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    print(json.dumps(result))


def measure(folder: str | None, seed: int) -> dict[str, dict[str, Any]]:
    """Return mean AUC and its interval by data set and candidate.

    Raises:
        AudioSenseError: no folder is named, or it lacks the recordings.
    """
    if not folder:
        raise EvaluationError(f"no recordings are named; give their folder, or set {VARIABLE}")
    return {dataset.name: _measure(dataset, seed) for dataset in find_datasets(Path(folder))}


def find_datasets(folder: Path) -> list[Dataset]:
    """Return the two data sets of a folder.

    Raises:
        EvaluationError: one is missing.
    """
    mimii, motors = find_machines(folder / "mimii"), []
    for motor in MOTORS:
        healthy, damaged = (str(folder / "bldc_motor" / kind / motor) for kind in ("Healthy", "Propeller"))
        found = match_machine([f"{healthy}/*.flac"], [f"{damaged}/*.flac"])
        motors.append(Machine(motor, found.normal, found.abnormal))
    return [
        Dataset("mimii", mimii, {"folds": MIMII_FOLDS, "combine": True}),
        Dataset("bldc", motors, {"folds": BLDC_FOLDS, "channel": 0}),
    ]


def _measure(dataset: Dataset, seed: int) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for name, options in CANDIDATES.items():
        plan = Plan(**(dataset.options | options), seed=seed)
        found = evaluate(survey_all(dataset.machines, plan), plan)
        figures |= _tell(dataset, name, found)
        if name == COMBINED and found.combined:
            summary = found.summary(found.combined)
            figures |= _entry(dataset, "both_microphones", summary.mean_auc, summary.mean_auc_ci)
    return figures


def _tell(dataset: Dataset, name: str, found: Evaluation) -> dict[str, Any]:
    summary = found.summary(found.single)
    rate, (low, high) = found.false_alarms(found.single)
    detected = found.mean(found.single, "window_detection_rate")
    entry = _entry(dataset, name, summary.mean_auc, summary.mean_auc_ci)
    print(
        f"{'':23} pAUC {summary.mean_pauc:.3f}, false alarms {rate:.1%} of normal windows ({low:.1%} to {high:.1%}), "
        f"detected {detected:.1%} of abnormal windows, {found.windows_per_s:.0f} windows/s"
    )
    for one in found.single:
        chosen = ", ".join(f"{detector} {folds} folds" for detector, folds in one.trial.detectors.items())
        print(f"{'':23} {one.trial.name:24} AUC {one.figures.auc:.3f}  {chosen}")
    return entry


def _entry(dataset: Dataset, name: str, auc: float, interval: tuple[float, float] | None) -> dict[str, Any]:
    ends = None if interval is None else [round(end, 3) for end in interval]
    print(f"{dataset.name:5} {name:17} AUC {auc:.3f}, 95 % interval over machines {ends}", flush=True)
    return {name: round(auc, 3), f"{name}_ci": ends}


if __name__ == "__main__":
    main()
