"""Probes as training takes them: feature vectors of baseline windows with synthetic faults mixed in."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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


def place_probes(times_us: NDArray[np.int64], probes: ProbeSet) -> NDArray[np.int64]:
    """Return the place (probes,) of each probe's window among a baseline's, which start at ascending ``times_us``.

    A window that is none of the baseline's gets its neighbour's: what was heard next to it is as much like it.
    """
    place = np.searchsorted(times_us, probes.time_us, side="right") - 1
    return np.clip(place, 0, len(times_us) - 1)
