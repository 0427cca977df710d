"""A baseline looked over before anything is fitted on it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiosense_collector.training.errors import MIN_WINDOWS, TrainingError
from audiosense_collector.training.quality.modes import Clusters, find_modes
from audiosense_collector.training.quality.outliers import MOST_LEFT_OUT, find_odd
from audiosense_collector.training.quality.refusals import find_defect, find_drift
from audiosense_collector.training.quality.space import in_decibels, named
from audiosense_common.bundle import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What a baseline is worth.

    Attributes:
        kept: (windows,) whether a window is learnt from.
        odd: how many windows look odd, left out or not; those that people vouch for do not count.
        modes: from the quietest to the loudest.
        defect: why nothing can be learnt from it.
        drift: how it drifts, if it has not settled.
    """

    kept: NDArray[np.bool_]
    odd: int = 0
    modes: tuple[Mode, ...] = ()
    defect: str | None = None
    drift: str | None = None

    @property
    def left_out(self) -> int:
        """How many windows are not learnt from."""
        return int(np.count_nonzero(~self.kept))

    def check(self, *, accept_drift: bool = False) -> None:
        """Refuse what no model should be trained on.

        Raises:
            TrainingError: silent, clipped, or drifting without that being accepted.
        """
        if self.defect or (self.drift and not accept_drift):
            raise TrainingError(self.defect or self.drift or "")


def examine(windows: NDArray[np.floating], names: Sequence[str], vouched: NDArray[np.bool_] | None = None) -> Examined:
    """Look over a baseline (windows, features named ``names``) in order of time.

    Windows (windows,) that are ``vouched`` for are never left out: they look odd, which is why there was a false alarm.
    One that is too short or not finite is left to the training itself, which refuses it.
    """
    everything = Examined(kept=np.ones(len(windows), np.bool_))
    if len(windows) < MIN_WINDOWS or not np.isfinite(windows).all() or (windows == windows[0]).all():
        return everything
    defect = find_defect(windows, names)
    if defect:
        return Examined(kept=everything.kept, defect=defect)
    values = in_decibels(windows, names)
    odd = find_odd(values) if vouched is None else find_odd(values) & ~vouched
    kept = ~odd if odd.mean() <= MOST_LEFT_OUT else everything.kept
    shape = [place for place, name in enumerate(names) if name.startswith("mel_max_shape_")]
    levels = named(windows[kept], names, "rms_dbfs")
    clusters = find_modes(values[kept], levels)
    return Examined(
        kept=kept,
        odd=int(odd.sum()),
        modes=_describe(windows[kept], names, clusters),
        drift=find_drift(
            clusters.residuals(levels),
            clusters.residuals(windows[kept][:, shape].astype(np.float64)),
        ),
    )


def _describe(windows: NDArray[np.floating], names: Sequence[str], clusters: Clusters) -> tuple[Mode, ...]:
    modes = []
    for number in range(clusters.count):
        heard = clusters.label == number
        middle = {
            name: float(np.median(named(windows[heard], names, name)))
            for name in ("rms_dbfs", "dominant_khz", "centroid_khz")
        }
        modes.append(
            Mode(
                share=float(heard.mean()),
                stretches=int(heard[0]) + int(np.count_nonzero(heard[1:] & ~heard[:-1])),
                level_dbfs=middle["rms_dbfs"],
                dominant_hz=1_000.0 * middle["dominant_khz"],
                centroid_hz=1_000.0 * middle["centroid_khz"],
            )
        )
    return tuple(sorted(modes, key=lambda mode: mode.level_dbfs))
