"""How a detector is fitted and its threshold chosen."""

from dataclasses import dataclass
from typing import Literal, get_args

from audiosense_collector.training.errors import TrainingError

CandidateName = Literal["ensemble", "isolation_forest", "mahalanobis"]
AutoName = Literal["auto"]
DetectorName = CandidateName | AutoName
DETECTOR_NAMES: tuple[str, ...] = get_args(CandidateName)
AUTO: AutoName = "auto"
"""In place of a detector's name: choose one of them by synthetic faults."""
DEFAULT_DETECTOR: CandidateName = "ensemble"


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings:
    """How a detector is fitted and calibrated.

    Attributes:
        trees: number of trees of each forest.
        samples: windows drawn for each tree, at most (256 in Liu et al. 2008).
        folds: contiguous spans of time, each scored by a detector fitted on the others.
        percentile: of the debounced held-out scores that becomes the threshold.
        margin: added to that percentile; without it the detector's own.
        seed: the same seed and windows give the same detector.
    """

    trees: int = 100
    samples: int = 256
    folds: int = 5
    percentile: float = 99.5
    margin: float | None = None
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
            if found is not None and not low <= found <= high:
                raise TrainingError(f"training needs {name} from {low} to {high}, found {found}; change the setting")
