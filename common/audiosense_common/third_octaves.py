"""Third-octave band levels, from the fine spectrum where the bands are narrow and from the frames' above."""

import math

import numpy as np
from numpy.typing import NDArray

from audiosense_common.descriptors import FLOOR_POWER
from audiosense_common.low_band import TOP_HZ, LowBandAnalyzer, share_of_bins
from audiosense_common.spectrum import HANN_NOISE_BANDWIDTH, Framing

NOMINAL_HZ = (
    *(12.5, 16, 20, 25, 31.5, 40, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800),
    *(1_000, 1_250, 1_600, 2_000, 2_500, 3_150, 4_000, 5_000, 6_300, 8_000, 10_000, 12_500, 16_000),
)
"""Nominal mid-band frequencies (IEC 61260-1:2014, table E.1)."""
REFERENCE_HZ = 1_000.0
_BAND_RATIO = 10.0**0.1

Spectrum = NDArray[np.float64]


def exact_hz(nominal_hz: float) -> float:
    """Return the exact mid-band frequency 1000 · G^(x / 3) Hz with G = 10^0.3 (IEC 61260-1:2014, 5.2 to 5.4)."""
    return REFERENCE_HZ * _BAND_RATIO ** round(math.log(nominal_hz / REFERENCE_HZ, _BAND_RATIO))


def edges_hz(nominal_hz: float) -> tuple[float, float]:
    """Return the band-edge frequencies, a sixth of an octave below and above the exact one (ibid., 5.5)."""
    half = _BAND_RATIO**0.5
    return exact_hz(nominal_hz) / half, exact_hz(nominal_hz) * half


class ThirdOctaves:
    """Levels of the bands of ``NOMINAL_HZ`` at one sample rate, by weights that are made once.

    A bin counts in a band by the part of it that lies there, as through a filter with steep edges.
    """

    def __init__(self, framing: Framing, low_band: LowBandAnalyzer) -> None:
        bands = [edges for edges in map(edges_hz, NOMINAL_HZ) if edges[1] <= framing.sample_rate_hz / 2]
        fine = sum(high <= TOP_HZ for _, high in bands)
        low = [share_of_bins(low_band.frequencies_hz, low_band.bin_hz, *edges) for edges in bands[:fine]]
        high = [share_of_bins(framing.frequencies_hz, framing.bin_hz, *edges) for edges in bands[fine:]]
        self._low = np.array(low).reshape(fine, len(low_band.frequencies_hz))
        self._high = np.array(high).reshape(len(bands) - fine, len(framing.frequencies_hz)) / HANN_NOISE_BANDWIDTH

    def measure(self, low_power: Spectrum, power: Spectrum) -> Spectrum:
        """Return a level in dBFS for each band, shape (bands,); -120 where it reaches beyond half the sample rate.

        Args:
            low_power: of ``LowBandAnalyzer``.
            power: mean power spectrum of ``SpectrumAnalyzer``.
        """
        levels = np.full(len(NOMINAL_HZ), FLOOR_POWER)
        measured = np.concatenate((self._low @ low_power, self._high @ power))
        np.maximum(measured, FLOOR_POWER, out=levels[: len(measured)])
        return np.asarray(10.0 * np.log10(levels))
