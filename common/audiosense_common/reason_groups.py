"""What reasons are made of: which features are told as one thing, as which figure, over which frequencies.

A new feature becomes a reason by an entry here, and by its words in ``reason_words`` and in the dashboard's texts.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from audiosense_common.features import SHAPE_FEATURES, SPREAD_FEATURES
from audiosense_common.spectrum import HANN_NOISE_BANDWIDTH, Framing, mel_edges_hz

_LARGEST_LOGARITHM = 20.0
"""Of a figure that is told: e^20 is beyond what any kurtosis of a window can be."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A feature that can be told as a number.

    Attributes:
        feature: its name in the schema.
        unit: in which it is told.
        least: least spread that counts, in the feature's own unit: smaller changes would not be heard by anyone.
        plain: from the feature's value to the figure that is told.
        least_share: least spread as a share of the usual value, for what is heard as a ratio.
    """

    feature: str
    unit: str
    least: float
    plain: Callable[[float], float] = float
    least_share: float = 0.0

    def least_spread(self, location: float) -> float:
        """Return the least spread that counts around a usual value."""
        return max(self.least, self.least_share * abs(location))


@dataclass(frozen=True, slots=True)
class Group:
    """Figures that rise and fall together and are told as one reason; the first is told where several deviate.

    Attributes:
        key: of its reasons.
        figures: the one that is best known first.
        sums_up: whether they follow from the spectrum as a whole: then they come after the range that moved them,
            however steady they usually are.
    """

    key: str
    figures: tuple[Figure, ...]
    sums_up: bool = False


class Kind(StrEnum):
    """What the values of a family of bands are, which decides how neighbours join."""

    LEVEL = "level"
    """Decibels of power: they join as powers, and a change of all together is no reason of a band's."""
    PLAIN = "plain"
    """Free of the level: they join by their mean."""


@dataclass(frozen=True, slots=True)
class Family:
    """Features that are one quantity by frequency; neighbours that deviate alike become one range.

    Attributes:
        key: of its reasons; those told against the rest of the spectrum get ``_relative`` at the end.
        kind: of the values.
        features: names in order of frequency.
        bands: from the sample rate to lower and upper edges in Hz and the bins that each band holds, (bands,) each.
        most: ranges that are told.
        least: least spread that counts, in the features' unit.
        unit: in which it is told.
        level: the feature that was subtracted from each band to make it free of the level; null where none was.
    """

    key: str
    kind: Kind
    features: tuple[str, ...]
    bands: Callable[[int], "Bands"]
    most: int
    least: float
    unit: str
    level: str | None = None


@dataclass(frozen=True, slots=True)
class Bands:
    """Lower and upper edges in Hz, and the weight of each band's power in a joined one; shape (bands,) each."""

    low_hz: NDArray[np.float64]
    high_hz: NDArray[np.float64]
    weight: NDArray[np.float64]


def hertz(khz: float) -> float:
    """Return a frequency in Hz of one in kHz."""
    return 1_000.0 * khz


def exponential(logarithm: float) -> float:
    """Return e to a feature's natural logarithm."""
    return math.exp(min(logarithm, _LARGEST_LOGARITHM))


def mel_bands(sample_rate_hz: int) -> Bands:
    """Bands of the mel filters between their half heights, where neighbours meet; weighted by the bins they hold."""
    edges = mel_edges_hz(sample_rate_hz)
    middles = (edges[:-1] + edges[1:]) / 2.0
    width = np.diff(middles)
    return Bands(middles[:-1], middles[1:], width / Framing.at(sample_rate_hz).bin_hz / HANN_NOISE_BANDWIDTH)


def joined_mel_bands(sample_rate_hz: int) -> Bands:
    """Bands of the mel filters whose spreads are averaged."""
    single, joins = mel_bands(sample_rate_hz), len(SHAPE_FEATURES) // len(SPREAD_FEATURES)
    return Bands(single.low_hz[::joins], single.high_hz[joins - 1 :: joins], np.ones(len(SPREAD_FEATURES)))


GROUPS: tuple[Group, ...] = (
    Group("impulsiveness", (Figure("kurtosis_log", "", 0.05, exponential), Figure("crest_db", "dB", 0.3))),
    Group("level", (Figure("rms_dbfs", "dBFS", 0.3),)),
    Group("dominant_tone", (Figure("dominant_khz", "Hz", 0.02, hertz, 0.02),), sums_up=True),
    Group("tonality", (Figure("flatness_db", "dB", 0.3), Figure("snr_db", "dB", 0.3)), sums_up=True),
    Group(
        "brightness",
        (
            Figure("centroid_khz", "Hz", 0.02, hertz, 0.04),
            Figure("rolloff_khz", "Hz", 0.05, hertz, 0.04),
            Figure("bandwidth_khz", "Hz", 0.02, hertz, 0.04),
            Figure("zcr_khz", "Hz", 0.02, hertz, 0.04),
        ),
        sums_up=True,
    ),
    Group("roughness", (Figure("flux_db", "dB", 0.1),)),
)
FAMILIES: tuple[Family, ...] = (
    Family(
        "band",
        Kind.LEVEL,
        SHAPE_FEATURES,
        mel_bands,
        most=2,
        least=0.3,
        unit="dBFS",
        level="mel_max_level_db",
    ),
    Family("unsteadiness", Kind.PLAIN, SPREAD_FEATURES, joined_mel_bands, most=1, least=0.1, unit="dB"),
)
