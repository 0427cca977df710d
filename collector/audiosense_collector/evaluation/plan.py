"""What is evaluated and how: the options of one evaluation."""

from dataclasses import dataclass

from audiosense_collector.evaluation.errors import EvaluationError
from audiosense_collector.training.settings import AUTO, DEFAULT_DETECTOR, DETECTOR_NAMES

CLIPS_PER_FOLD = 2
"""Fewer held-out normal clips leave a fold's curve with a single step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The options of an evaluation; the defaults are what the product does.

    Attributes:
        folds: parts of the normal clips, each tested with a model of the others.
        window_s: length of a window in seconds.
        hop_s: from one window's start to the next, in seconds; at most ``window_s``.
        channel: the channel to use; null for each of them singly.
        combine: report the mean over the channels' scores too.
        sample_rate_hz: every clip is resampled to it; null for the rate that most clips of the machine have.
        percentile: of the held-out scores for the threshold; null for a budget of false alarms.
        false_alarms_per_week: that budget; null for the product's.
        detector: one of ``DETECTOR_NAMES``, or ``auto``: chosen in each fold by synthetic faults in its normal clips.
        feature_names: what an isolation forest hears instead of the detector; null for the product's choice.
        seed: of the clips' shuffle and of the bootstrap.
    """

    folds: int = 5
    window_s: float = 5.0
    hop_s: float = 1.0
    channel: int | None = None
    combine: bool = False
    sample_rate_hz: int | None = None
    percentile: float | None = None
    false_alarms_per_week: float | None = None
    detector: str = DEFAULT_DETECTOR
    feature_names: tuple[str, ...] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.folds < 2:  # noqa: PLR2004 - one part cannot be learnt and tested at once
            raise EvaluationError(f"an evaluation needs at least 2 folds, found {self.folds}; raise --folds")
        if not 0 < self.hop_s <= self.window_s:
            raise EvaluationError(
                f"the hop is {self.hop_s:g} s for windows of {self.window_s:g} s, expected more than 0 and at most "
                "the window; change --hop or --window"
            )
        if self.detector not in (*DETECTOR_NAMES, AUTO):
            raise EvaluationError(
                f"there is no detector {self.detector!r}, expected one of {', '.join((*DETECTOR_NAMES, AUTO))}; "
                "change --detector"
            )
        if self.percentile is not None and self.false_alarms_per_week is not None:
            raise EvaluationError(
                f"found both --percentile {self.percentile:g} and --false-alarms-per-week "
                f"{self.false_alarms_per_week:g}, expected one of them; leave one out"
            )
        if self.combine and self.channel is not None:
            raise EvaluationError(
                f"--combine averages all channels, found --channel {self.channel} beside it; leave one of them out"
            )

    @property
    def chooses(self) -> bool:
        """Whether the detector is chosen by synthetic faults."""
        return self.detector == AUTO and self.feature_names is None
