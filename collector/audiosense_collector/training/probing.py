"""Probes as training takes them: feature vectors of baseline windows with synthetic faults mixed in."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

OTHER_TIME = "the agent's probes are of another time than the model's baseline; they tell nothing of it"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSet:
    """One sensor's probes, as columns of equal length.

    Attributes:
        features: full vectors (probes, features of the schema), float16.
        schema_id: names the columns.
        kinds: names of the kinds.
        kind: place (probes,) of each probe's kind among ``kinds``.
        level_db: level (probes,) of each synthetic fault relative to the machine.
        time_us: start (probes,) of the window that it was mixed into, UTC microseconds.
    """

    features: NDArray[np.float16]
    schema_id: str
    kinds: tuple[str, ...]
    kind: NDArray[np.int64]
    level_db: NDArray[np.float64]
    time_us: NDArray[np.int64]

    @property
    def windows(self) -> int:
        """How many windows were mixed into."""
        return len(np.unique(self.time_us))


def usable(probes: ProbeSet | None, heard_us: NDArray[np.int64], learnt_us: NDArray[np.int64]) -> ProbeSet | None:
    """Return the probes that say something of a baseline, None without any.

    Those of windows that were heard for the baseline but not learnt (rest, sudden noises) tell of another sound. So do
    those of windows heard longer before or after it than it lasts: the sensor may have been moved since.

    Args:
        probes: the synthetic faults.
        heard_us: start (windows,) of each window of the baseline as it was heard, ascending.
        learnt_us: start (windows,) of those that are learnt from.
    """
    if probes is None:
        return None
    first, last = int(heard_us[0]), int(heard_us[-1])
    times, span = probes.time_us, last - first
    outside = (times < first) | (times > last)
    near = (times >= first - span) & (times <= last + span)
    kept = (outside & near) | np.isin(times, learnt_us) | (~outside & ~np.isin(times, heard_us))
    if not kept.any():
        return None
    columns = {name: getattr(probes, name)[kept] for name in ("features", "kind", "level_db", "time_us")}
    return replace(probes, **columns)


def place_probes(times_us: NDArray[np.int64], probes: ProbeSet) -> NDArray[np.int64]:
    """Return the place (probes,) of each probe's window among a baseline's, which start at ascending ``times_us``.

    A window that is none of the baseline's gets its neighbour's: what was heard next to it is as much like it.
    """
    place = np.searchsorted(times_us, probes.time_us, side="right") - 1
    return np.clip(place, 0, len(times_us) - 1)
