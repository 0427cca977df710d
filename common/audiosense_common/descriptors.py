"""Formulas of the scalar features: of a waveform without its DC, and of a mean power spectrum."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from audiosense_common.spectrum import HANN_NOISE_BANDWIDTH

FLOOR_DB = -120.0
FLOOR_POWER = 1e-12
ROLLOFF_SHARE = 0.85
SNR_RANGE_DB = (-20.0, 120.0)
GAUSSIAN_KURTOSIS = 3.0
BLOCK_SAMPLES = 32_768
"""Samples whose moments are taken at once: block and squares stay in the processor's second-level cache."""
BAND_EDGES_HZ = (0, 500, 1_000, 4_000, 8_000, 12_000)

Spectrum = NDArray[np.float64]


def decibels(power: float) -> float:
    """Return 10·log10 of a power, at least -120 dB."""
    return 10.0 * math.log10(max(power, FLOOR_POWER))


@dataclass(frozen=True, slots=True)
class Waveform:
    """Moments of a window's samples; ``peak`` includes DC, the others are without it."""

    peak: float
    peak_square: float
    mean_square: float
    kurtosis: float
    zero_crossings: int

    @property
    def silent(self) -> bool:
        """Whether the level without DC is at or below -120 dBFS."""
        return self.mean_square <= FLOOR_POWER

    @property
    def crest_db(self) -> float:
        """Peak over RMS, both without DC: 3.01 dB for a sine, 0 for a square wave and for silence."""
        return 0.0 if self.silent else 10.0 * math.log10(self.peak_square / self.mean_square)


class WaveformAnalyzer:
    """Takes DC from windows and their moments; keeps its buffers, so one instance serves one thread only."""

    def __init__(self) -> None:
        self._squares = np.empty(BLOCK_SAMPLES, np.float32)
        self._negative = np.empty(BLOCK_SAMPLES, np.bool_)
        self._crossed = np.empty(BLOCK_SAMPLES, np.bool_)

    def analyze(self, samples: NDArray[np.float32], peak: float, centred: NDArray[np.float32]) -> Waveform:
        """Write ``samples`` less their mean to ``centred`` and return the moments.

        Kurtosis is Pearson's, m4 / m2²: 1.5 for a sine, 3 for Gaussian noise, 3 by definition for silence.
        A zero crossing is a change of sign between neighbours, zero counting as positive.

        Args:
            samples: shape (n,), small enough that fourth powers do not overflow.
            peak: largest absolute sample.
            centred: shape (n,); may be ``samples`` itself.
        """
        mean = samples.mean()
        squares = fourths = largest = 0.0
        crossings, sign = 0, None
        for start in range(0, len(samples), BLOCK_SAMPLES):
            part = centred[start : start + BLOCK_SAMPLES]
            np.subtract(samples[start : start + BLOCK_SAMPLES], mean, out=part)
            square = self._squares[: len(part)]
            np.multiply(part, part, out=square)
            squares += float(np.add.reduce(square))
            largest = max(largest, float(np.maximum.reduce(square)))
            np.multiply(square, square, out=square)
            fourths += float(np.add.reduce(square))
            crossed, last = self._crossings(part)
            crossings += crossed + int(sign is not None and sign != self._negative[0])
            sign = last
        mean_square = squares / len(samples)
        if mean_square <= FLOOR_POWER:
            return Waveform(peak, largest, mean_square, GAUSSIAN_KURTOSIS, 0)
        return Waveform(peak, largest, mean_square, fourths / len(samples) / mean_square**2, crossings)

    def _crossings(self, part: NDArray[np.float32]) -> tuple[int, bool]:
        negative, crossed = self._negative[: len(part)], self._crossed[: len(part) - 1]
        np.less(part, 0.0, out=negative)
        np.not_equal(negative[1:], negative[:-1], out=crossed)
        return int(np.count_nonzero(crossed)), bool(negative[-1])


def flatness(power: Spectrum) -> float:
    """Geometric over arithmetic mean of the power per bin (Johnston 1988), bins floored at -120 dBFS."""
    floored = np.maximum(power, FLOOR_POWER)
    return float(np.exp(np.log(floored).mean()) / floored.mean())


def centroid_bandwidth(power: Spectrum, frequencies_hz: Spectrum) -> tuple[float, float]:
    """Mean and standard deviation of frequency, weighted by power, in Hz; zeros where there is no power."""
    total = float(power.sum())
    if total <= 0.0:
        return 0.0, 0.0
    centroid = float(power @ frequencies_hz) / total
    return centroid, float(np.sqrt(power @ (frequencies_hz - centroid) ** 2 / total))


def rolloff(power: Spectrum, frequencies_hz: Spectrum) -> float:
    """Frequency of the first bin below or at which 85 % of the power lie, in Hz."""
    cumulative = np.cumsum(power)
    return float(frequencies_hz[int(np.searchsorted(cumulative, ROLLOFF_SHARE * cumulative[-1]))])


def dominant(power: Spectrum, bin_hz: float) -> tuple[float, float]:
    """Frequency in Hz and power of the strongest spectral line above DC.

    A parabola through the logarithm of the peak bin and its neighbours (Smith 2011, Spectral Audio Signal
    Processing, "Quadratic interpolation of spectral peaks") gives both between the bins. Without power: zeros.
    """
    index = 1 + int(power[1:].argmax())
    if power[index] <= 0.0:
        return 0.0, 0.0
    if index == len(power) - 1 or min(power[index - 1], power[index + 1]) <= 0.0:
        return index * bin_hz, float(power[index])
    below, peak, above = (math.log(value) for value in power[index - 1 : index + 2])
    curvature = below - 2.0 * peak + above
    shift = 0.0 if curvature >= 0.0 else min(max(0.5 * (below - above) / curvature, -0.5), 0.5)
    return (index + shift) * bin_hz, math.exp(peak - 0.25 * (below - above) * shift)


def signal_to_noise_db(power: Spectrum) -> float:
    """Power above the noise floor over the power of the floor, in dB, held within -20 and 120.

    The floor is the median bin of the mean spectrum, taken as the level of noise in every bin (and at least
    -120 dBFS in all bins together): lines and humps stand above it, so a sine of power S in white noise of power N
    reads 10·log10(S / N).
    """
    total = float(power[1:].sum())
    noise = max(_median(power[1:]) * (len(power) - 1), FLOOR_POWER)
    low, high = SNR_RANGE_DB
    ratio = max((total - noise) / noise, 10.0 ** (low / 10.0))
    return min(10.0 * math.log10(ratio), high)


def _median(values: Spectrum) -> float:
    middle = len(values) // 2
    around = np.partition(values, (middle - 1, middle))
    return float(around[middle] if len(values) % 2 else 0.5 * (around[middle - 1] + around[middle]))


def band_levels_db(power: Spectrum, bin_hz: float) -> list[float]:
    """Level of each band in ``BAND_EDGES_HZ`` (lower edge included), in dBFS; -120 where empty or above Nyquist.

    The bin at Nyquist itself, half a bin wide, belongs to none.
    """
    edges = [min(math.ceil(edge / bin_hz), len(power) - 1) for edge in BAND_EDGES_HZ]
    return [decibels(float(power[low:high].sum()) / HANN_NOISE_BANDWIDTH) for low, high in pairwise(edges)]


def flux_db(log_mel: NDArray[np.float32]) -> float:
    """Mean rise of log-mel level from frame to frame, falls counted as 0, in dB (Böck & Widmer 2013 without filter).

    Equals the mean of ``librosa.onset.onset_strength(S=log_mel, lag=1, max_size=1, center=False)`` over the frames
    after the first. 0 for a single frame.
    """
    if len(log_mel) == 1:
        return 0.0
    return float(np.maximum(np.diff(log_mel, axis=0), 0.0).mean())
