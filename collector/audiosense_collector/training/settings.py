"""How a detector is fitted and its threshold chosen."""

from dataclasses import dataclass
from typing import Literal, get_args

from audiosense_collector.training.errors import TrainingError

CandidateName = Literal["ensemble", "isolation_forest", "mahalanobis"]
AutoName = Literal["auto"]
DetectorName = Literal[CandidateName, AutoName]
DETECTOR_NAMES: tuple[str, ...] = get_args(CandidateName)
AUTO: AutoName = "auto"
"""In place of a detector's name: choose one of them by synthetic faults."""
DEFAULT_DETECTOR: CandidateName = "ensemble"
FALSE_ALARMS_PER_WEEK = 1.0
LEAST_PER_WEEK, MOST_PER_WEEK = 0.01, 10_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings:
    """How a detector is fitted and calibrated.

    Attributes:
        trees: number of trees of each forest.
        samples: windows drawn for each tree, at most (256 in Liu et al. 2008).
        folds: contiguous spans of time, each scored by a detector fitted on the others.
        false_alarms_per_week: the budget that the threshold keeps.
        percentile: of the debounced held-out scores that becomes the threshold in place of a budget.
        margin: added to that percentile; without it the detector's own.
        seed: the same seed and windows give the same detector.
    """

    trees: int = 100
    samples: int = 256
    folds: int = 5
    false_alarms_per_week: float = FALSE_ALARMS_PER_WEEK
    percentile: float | None = None
    margin: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        ranges = {
            "trees": (1, 10_000),
            "samples": (2, 100_000),
            "folds": (2, 100),
            "false_alarms_per_week": (LEAST_PER_WEEK, MOST_PER_WEEK),
            "percentile": (50, 100),
            "margin": (0, 0.5),
        }
        for name, (low, high) in ranges.items():
            found = getattr(self, name)
            if found is not None and not low <= found <= high:
                raise TrainingError(f"training needs {name} from {low} to {high}, found {found}; change the setting")
