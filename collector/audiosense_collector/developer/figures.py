"""The sandbox's figures: what a machine's sound would measure, drawn at random as the predecessor did."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NORMAL_VALUE, ANOMALOUS_VALUE = (0.2, 0.6), (0.8, 1.2)
"""Linear RMS."""
NORMAL_HZ, ANOMALOUS_HZ = (800.0, 2_000.0), (2_000.0, 6_000.0)
BAND_EDGES_HZ = (0, 500, 1_000, 4_000, 8_000, 12_000)
FLOOR_DB = -120.0

Row = tuple[float, float, bool, float, float, list[float]]
"""value, frequency, anomalous, snr_db, flatness, band_levels"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Columns of measurements, shape (n,) each; ``band_levels`` (n, 5) in dBFS."""

    value: NDArray[np.float64]
    frequency: NDArray[np.float64]
    anomalous: NDArray[np.bool_]
    snr_db: NDArray[np.float64]
    flatness: NDArray[np.float64]
    band_levels: NDArray[np.float64]

    def rows(self) -> Iterator[Row]:
        """Yield the measurements as plain Python values."""
        columns = (self.value, self.frequency, self.anomalous, self.snr_db, self.flatness, self.band_levels)
        return zip(*(column.tolist() for column in columns), strict=True)


def draw_figures(rng: np.random.Generator, count: int, anomaly_rate: float) -> Figures:
    """Draw ``count`` measurements, each anomalous with probability ``anomaly_rate``."""
    anomalous = rng.random(count) < anomaly_rate

    def between(normal: tuple[float, float], strange: tuple[float, float]) -> NDArray[np.float64]:
        return np.where(anomalous, rng.uniform(*strange, count), rng.uniform(*normal, count))

    value = between(NORMAL_VALUE, ANOMALOUS_VALUE).round(4)
    frequency = between(NORMAL_HZ, ANOMALOUS_HZ).round(1)
    return Figures(
        value=value,
        frequency=frequency,
        anomalous=anomalous,
        snr_db=between((14.0, 26.0), (4.0, 14.0)).round(2),
        flatness=between((0.03, 0.15), (0.25, 0.5)).round(4),
        band_levels=_band_levels(rng, value, frequency),
    )


def _band_levels(
    rng: np.random.Generator, value: NDArray[np.float64], frequency: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Put most of the power into the band of the dominant frequency and the rest 8 to 30 dB below, as powers."""
    bands = len(BAND_EDGES_HZ) - 1
    share = 10 ** (-rng.uniform(8.0, 30.0, (len(value), bands)) / 10)
    share[np.arange(len(value)), np.searchsorted(BAND_EDGES_HZ, frequency, side="right") - 1] = 1.0
    share /= share.sum(axis=1, keepdims=True)
    power = share * value[:, None] ** 2
    levels: NDArray[np.float64] = np.maximum(10 * np.log10(power), FLOOR_DB).round(2)
    return levels
