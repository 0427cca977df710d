"""Harmonics-to-noise ratio: how much of the sound repeats from turn to turn."""

import numpy as np
from numpy.typing import NDArray

from audiosense_common.low_band import LowBandAnalyzer

PITCH_HZ = (10.0, 200.0)
"""Range of what is looked for: from a slow shaft to twice the mains."""
RANGE_DB = 40.0
"""The ratio is held within plus and minus this: beyond it, rounding decides."""
_OVERSAMPLING = 2

Spectrum = NDArray[np.float64]


class HarmonicityAnalyzer:
    """Boersma's (1993) harmonics-to-noise ratio of the band below 1 kHz, at one sample rate.

    The autocorrelation is the transform of the fine power spectrum (Wiener and Khinchin), over that of the Hann
    window; r is its largest value at a lag of a pitch, between the lags by a parabola. The ratio is r / (1 - r).
    """

    def __init__(self, low_band: LowBandAnalyzer) -> None:
        low_hz, high_hz = PITCH_HZ
        self._passed = low_band.frequencies_hz >= low_hz
        self._length = _OVERSAMPLING * low_band.length
        lag_s = 1.0 / (self._length * low_band.bin_hz)
        first, last = (int(np.ceil(1.0 / (hz * lag_s))) for hz in (high_hz, low_hz))
        self._lags = slice(first, min(last, self._length // 2) + 1)
        lags = np.arange(self._length, dtype=np.float64)[self._lags] / self._length
        self._taper = _hann_autocorrelation(lags)

    def measure(self, low_power: Spectrum) -> float:
        """Return the ratio in dB, within -40 and 40; -40 where there is no power.

        Args:
            low_power: of ``LowBandAnalyzer``.
        """
        power = np.where(self._passed, low_power, 0.0)
        total = float(power.sum())
        if total <= 0.0:
            return -RANGE_DB
        correlation = np.fft.irfft(power, self._length)[self._lags] * (self._length / 2.0 / total) / self._taper
        share = _peak(correlation)
        ratio = share / max(1.0 - share, 10.0 ** (-RANGE_DB / 10.0)) if share > 0.0 else 0.0
        return float(np.clip(10.0 * np.log10(max(ratio, 10.0 ** (-RANGE_DB / 10.0))), -RANGE_DB, RANGE_DB))


def _hann_autocorrelation(lag: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the normalised autocorrelation of the Hann window at lags in its length (Boersma 1993, formula 8)."""
    cosine, sine = np.cos(2.0 * np.pi * lag), np.sin(2.0 * np.pi * lag)
    return np.asarray((1.0 - lag) * (2.0 / 3.0 + cosine / 3.0) + sine / (2.0 * np.pi))


def _peak(values: NDArray[np.float64]) -> float:
    """Return the largest value, at the top of a parabola through it and its neighbours."""
    index = int(values.argmax())
    if index in {0, len(values) - 1}:
        return float(values[index])
    below, peak, above = values[index - 1 : index + 2]
    curvature = below - 2.0 * peak + above
    return float(peak if curvature >= 0.0 else peak - (below - above) ** 2 / (8.0 * curvature))
