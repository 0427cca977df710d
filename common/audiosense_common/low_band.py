"""The band up to 1 kHz, finely: a window's samples thinned out, and their power in bins of about 1 Hz."""

import numpy as np
from numpy.typing import NDArray

from audiosense_common.spectrum import real_spectra, unit_power_hann

TOP_HZ = 1_000.0
"""Up to here the spectrum is right; above, what the thinning folds back is not held off."""
LEAST_RATE_HZ = 2_900
"""The samples are thinned to the lowest rate that is no less and divides the sensor's: 3000 Hz of 48000."""
TAPS_PER_SAMPLE = 10
KAISER_BETA = 8.0
EDGE = 0.75
"""Of the new Nyquist frequency; with ten taps for each sample that is left, what folds back into the band is held off
by 75 dB (Kaiser 1974)."""
SEGMENT_S = 1.0
"""Least length of a segment; the next power of two of samples is taken: 1.4 s and bins of 0.7 Hz at 48 kHz."""
BLOCK_OUTPUTS = 1_024
"""Samples thinned at once: each matrix product stays below the size from which OpenBLAS starts threads."""
LEAST_OUTPUTS = 16
"""A window that leaves fewer thinned samples is padded with zeros."""

Spectrum = NDArray[np.float64]


class LowBandAnalyzer:
    """Power spectrum below 1 kHz of windows; keeps its buffers, so one instance serves one thread only.

    Samples are thinned by a polyphase filter (Crochiere and Rabiner 1983), whose own response below 1 kHz is divided
    out of the spectrum. The spectrum is Welch's (1967) over half-overlapping Hann segments.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._factor = max(1, sample_rate_hz // LEAST_RATE_HZ)
        rate_hz = sample_rate_hz / self._factor
        self.length = 1 << int(np.ceil(np.log2(SEGMENT_S * rate_hz)))
        self.bin_hz = rate_hz / self.length
        bins = min(int(TOP_HZ / self.bin_hz) + 2, self.length // 2 + 1)
        self.frequencies_hz: Spectrum = np.arange(bins, dtype=np.float64) * self.bin_hz
        taps = _low_pass(self._factor)
        self._phases = taps.reshape(-1, self._factor).astype(np.float32)
        self._correction: Spectrum = 1.0 / _response(taps, self.frequencies_hz / sample_rate_hz)
        if bins == self.length // 2 + 1:
            self._correction[-1] /= 2.0
        self._products = np.empty((len(self._phases), 0), np.float32)

    def analyze(self, samples: NDArray[np.float32]) -> Spectrum:
        """Return the mean power of each bin, shape as ``frequencies_hz``; together it is the mean square of the band.

        Args:
            samples: shape (n,), without their mean; n at least 1.
        """
        thinned = self._thin(samples)
        length = min(self.length, len(thinned))
        segments = np.lib.stride_tricks.sliding_window_view(thinned, length)[:: max(1, length // 2)]
        spectra = real_spectra(segments * (unit_power_hann(length) * np.float32(self.length)), self.length)
        parts = spectra.view(np.float32)[:, : 2 * len(self.frequencies_hz)]
        squares = np.multiply(parts, parts).sum(axis=0, dtype=np.float64)
        return np.asarray((squares[::2] + squares[1::2]) * self._correction * (2.0 / self.length / len(segments)))

    def _thin(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Filter and keep each ``factor``-th sample, where the filter lies wholly within the window."""
        phases, factor = self._phases, self._factor
        least = (LEAST_OUTPUTS + len(phases) - 1) * factor
        if len(samples) < least:
            samples = np.concatenate((samples, np.zeros(least - len(samples), np.float32)))
        blocks = samples[: len(samples) // factor * factor].reshape(-1, factor)
        if self._products.shape[1] != len(blocks):
            self._products = np.empty((len(phases), len(blocks)), np.float32)
        products = self._products
        for start in range(0, len(blocks), BLOCK_OUTPUTS):
            block = slice(start, start + BLOCK_OUTPUTS)
            np.matmul(phases, blocks[block].T, out=products[:, block])
        row, item = products.strides
        # Row k moved to the left by k: what each phase of the filter gives to the same output.
        aligned = np.lib.stride_tricks.as_strided(
            products, (len(phases), len(blocks) - len(phases) + 1), (row + item, item), writeable=False
        )
        thinned: NDArray[np.float32] = np.add.reduce(aligned, axis=0)
        return thinned


def share_of_bins(frequencies_hz: Spectrum, bin_hz: float, low_hz: float, high_hz: float) -> Spectrum:
    """Return which part of each bin, half a bin wide to both sides, lies between two frequencies."""
    low = np.maximum(frequencies_hz - bin_hz / 2.0, low_hz)
    high = np.minimum(frequencies_hz + bin_hz / 2.0, high_hz)
    return np.asarray(np.maximum(high - low, 0.0) / bin_hz)


def _low_pass(factor: int) -> NDArray[np.float64]:
    """Return a Kaiser-windowed low-pass with its edge at ``EDGE``, gain 1 at DC."""
    if factor == 1:
        return np.ones(1)
    count = TAPS_PER_SAMPLE * factor
    places = np.arange(count) - (count - 1) / 2.0
    taps = np.sinc(EDGE * places / factor) * np.kaiser(count, KAISER_BETA)
    return np.asarray(taps / taps.sum())


def _response(taps: NDArray[np.float64], cycles: Spectrum) -> Spectrum:
    """Return the power gain of a filter at frequencies in cycles per sample."""
    phases = np.exp(-2j * np.pi * np.outer(cycles, np.arange(len(taps))))
    return np.asarray(np.abs(phases @ taps) ** 2)
