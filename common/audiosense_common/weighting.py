"""Levels of a weighted spectrum: A-weighted level, RMS velocity."""

import numpy as np
from numpy.typing import NDArray

from audiosense_common.descriptors import decibels
from audiosense_common.low_band import TOP_HZ, LowBandAnalyzer, share_of_bins
from audiosense_common.spectrum import HANN_NOISE_BANDWIDTH, Framing

VELOCITY_BAND_HZ = (10.0, 1_000.0)
"""Range of broad-band velocity in ISO 20816-1."""
CROSSOVER_HZ = 500.0
_POLES_HZ = (20.598997, 107.65265, 737.86223, 12194.217)
_A_AT_1_KHZ_DB = -2.000
_MS_PER_S = 1_000.0

Spectrum = NDArray[np.float64]


def a_weighting_db(frequencies_hz: Spectrum) -> Spectrum:
    """Return the A-weighting of IEC 61672-1:2013 (5.5.8, with the poles of its annex E), 0 dB at 1 kHz.

    Args:
        frequencies_hz: above 0.
    """
    squares = np.asarray(frequencies_hz, dtype=np.float64) ** 2
    first, second, third, fourth = (pole**2 for pole in _POLES_HZ)
    gain = fourth * squares**2 / ((squares + first) * (squares + fourth))
    gain /= np.sqrt((squares + second) * (squares + third))
    return np.asarray(20.0 * np.log10(gain) - _A_AT_1_KHZ_DB)


class WeightedLevels:
    """A-weighted level and velocity at one sample rate, by weights that are made once.

    Low down the fine spectrum counts: A(f) falls too steeply, and 1 / f too, for the bins of one frame. From
    ``CROSSOVER_HZ`` on the frames' spectrum gradually takes its place.
    """

    def __init__(self, framing: Framing, low_band: LowBandAnalyzer) -> None:
        self._a_low = (1.0 - _crossover(low_band.frequencies_hz)) * _a_power(low_band.frequencies_hz)
        self._a_high = _crossover(framing.frequencies_hz) * _a_power(framing.frequencies_hz) / HANN_NOISE_BANDWIDTH
        self._velocity = _integration(low_band.frequencies_hz, low_band.bin_hz)

    def measure(self, low_power: Spectrum, power: Spectrum) -> list[float]:
        """Return A-weighted level (dBFS) and RMS velocity (dB re full scale times 1 ms).

        Args:
            low_power: of ``LowBandAnalyzer``.
            power: mean power spectrum of ``SpectrumAnalyzer``.
        """
        weighted = float(self._a_low @ low_power + self._a_high @ power)
        return [decibels(weighted), decibels(float(self._velocity @ low_power))]


def _a_power(frequencies_hz: Spectrum) -> Spectrum:
    weights = np.zeros(len(frequencies_hz))
    weights[1:] = 10.0 ** (a_weighting_db(frequencies_hz[1:]) / 10.0)
    return weights


def _crossover(frequencies_hz: Spectrum) -> Spectrum:
    """Return 0 up to ``CROSSOVER_HZ``, 1 from ``TOP_HZ`` on, and what lies on the line between."""
    return np.clip((frequencies_hz - CROSSOVER_HZ) / (TOP_HZ - CROSSOVER_HZ), 0.0, 1.0)


def _integration(frequencies_hz: Spectrum, bin_hz: float) -> Spectrum:
    low_hz, high_hz = VELOCITY_BAND_HZ
    low = np.maximum(frequencies_hz - bin_hz / 2.0, low_hz)
    high = np.minimum(frequencies_hz + bin_hz / 2.0, high_hz)
    centre = (low + high) / 2.0
    shares = share_of_bins(frequencies_hz, bin_hz, low_hz, high_hz)
    return np.asarray(shares * (_MS_PER_S / (2.0 * np.pi * centre)) ** 2)
